"""The section with a call to copy: one recorded request, by curl and in Python."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pprint import pformat
from shlex import quote
from typing import Any

_LONGEST = 4000
"""Characters of a request that is shown; a longer one is read from a file."""
_WIDTH = 80
_URL = "http://127.0.0.1:8080"
_IN_FILE = "The recorded request is too long for a page: request.json has one of the shape below."
_Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SampleCall:
    """A request to copy.

    Args:
        path: below the address of the API.
        body: the request; None if a file has it.
        file: the name of that file.
        media_type: of the request.
    """

    path: str
    body: _Document | None
    file: str = "request.json"
    media_type: str = "application/json"

    def by_curl(self) -> str:
        """Return commands for a shell."""
        data = f"--data-binary @{self.file}"
        if self.body is not None:
            data = f"-d {quote(json.dumps(self.body))}"
        lines = (f'curl "$URL{self.path}"', f"-H 'Content-Type: {self.media_type}'", data)
        return f"URL={_URL}\n" + " \\\n  ".join(lines)

    def in_python(self) -> str:
        """Return a program that needs requests."""
        if self.body is None:
            given = (
                f'data=open("{self.file}", "rb"), headers={{"Content-Type": "{self.media_type}"}}'
            )
        else:
            given = "json=body"
        body = pformat(self.body, width=_WIDTH, compact=True, sort_dicts=False)
        made = "" if self.body is None else f"body = {body}\n"
        return (
            f'import requests\n\nurl = "{_URL}"\n{made}'
            f'answer = requests.post(f"{{url}}{self.path}", {given}, timeout=60)\n'
            "answer.raise_for_status()\nprint(answer.json())"
        )


def calls(specification: _Document, golden: bytes = b"") -> Iterable[str]:
    """Yield the section.

    Args:
        specification: artifact.json of the version.
        golden: its golden.json; without a request in it, the request is in a file.
    """
    call = sample_call(specification, golden)
    yield "<h2>Call it</h2>"
    yield (
        "<p>The address is what lading serve, lading emulate or lading deploy prints. A stage with "
        "auth: token also needs the header Authorization.</p>"
    )
    if call.file.endswith(".json") and call.body is None:
        yield f'<p class="soft">{_IN_FILE}</p>'
    for title, text in (("curl", call.by_curl()), ("Python", call.in_python())):
        yield f'<h3>{title}</h3><pre tabindex="0">{escape(text)}</pre>'


def sample_call(specification: _Document, golden: bytes = b"") -> SampleCall:
    """Return a request that the model answers; see `calls`."""
    name = str(specification["name"])
    if not specification["outputs"]:
        messages = [{"role": "user", "content": "Who are you?"}]
        return SampleCall(f"/{name}/v1/chat/completions", {"model": name, "messages": messages})
    path, steps = f"/{name}/predict", specification.get("processing", ())
    if len(specification["inputs"]) == 1 and any(step["step"] == "image" for step in steps):
        return SampleCall(path, None, "picture.png", "image/png")
    return SampleCall(path, _recorded(golden))


def _recorded(golden: bytes) -> dict[str, Any] | None:
    """Return the body of the first recorded request; None if there is none, or a long one."""
    requests = json.loads(golden)["requests"] if golden else ()
    if not requests:
        return None
    values = {each["name"]: _nested(each["data"], each["shape"]) for each in requests[0]["inputs"]}
    body = {"inputs": next(iter(values.values())) if len(values) == 1 else values}
    return body if len(json.dumps(body)) <= _LONGEST else None


def _nested(values: Sequence[Any], shape: Sequence[int]) -> Any:
    """Return flat values as lists of this shape."""
    if not shape:
        return values[0]
    if len(shape) == 1:
        return list(values)
    step = len(values) // shape[0] if shape[0] else 0
    return [_nested(values[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]
