"""Golden requests as API Gateway events, and the comparison of answers with what they must be.

The plain dialect carries them: it takes every datatype, and names the version that answered.
"""

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OK = 200
_LONGEST_QUOTE = 300


class GoldenError(Exception):
    """What should be the golden requests is something else."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The requests of a golden.json, each with `inputs` and `outputs`, and how near is right."""

    requests: Sequence[Mapping[str, Any]]
    relative: float
    absolute: float

    @classmethod
    def from_json(cls, content: bytes) -> "Golden":
        """Read a golden.json.

        Raises:
            GoldenError: it is none.
        """
        try:
            document = json.loads(content)
            tolerance = document["tolerance"]
            requests = [
                {side: by_name(request[side]) for side in ("inputs", "outputs")}
                for request in document["requests"]
            ]
            return cls(requests, float(tolerance["relative"]), float(tolerance["absolute"]))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise GoldenError(f"the golden requests cannot be read: {error!r}") from error


NOTHING = Golden((), 0, 0)
"""For a model that has none: it is enough to be ready."""


def by_name(tensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tensors with flat `data`, as in golden.json and in Open Inference, as nested lists."""
    return {tensor["name"]: _nested(tensor["data"], tensor["shape"]) for tensor in tensors}


def _nested(data: Sequence[Any], shape: Sequence[int]) -> Any:
    """Flat data in lists by its shape."""
    if not shape:
        return data[0]
    count, *rest = shape
    if not rest:
        return list(data)
    size = len(data) // count if count else 0
    return [_nested(data[at * size : (at + 1) * size], rest) for at in range(count)]


def proxy_event(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What a REST API with `binaryMediaTypes ['*/*']` sends for a request."""
    content = None if body is None else base64.b64encode(json.dumps(body).encode()).decode()
    headers = {"Content-Type": "application/json", "Host": "traffic-hook"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "lading-traffic-hook"},
            "path": path,
            "protocol": "HTTP/1.1",
            "requestId": "traffic-hook",
            "resourcePath": "/{proxy+}",
            "stage": "traffic-hook",
        },
        "body": content,
        "isBase64Encoded": content is not None,
    }


def wrong_status(answer: Mapping[str, Any]) -> str | None:
    """What an API Gateway answer says when it is no success."""
    if answer.get("statusCode") == _OK:
        return None
    quoted = _body(answer)[:_LONGEST_QUOTE].decode(errors="replace")
    return f"status {answer.get('statusCode')}: {quoted}"


def differences(
    golden: Golden, request: Mapping[str, Any], version: int, answer: Mapping[str, Any]
) -> Iterator[str]:
    """How an API Gateway answer differs from what `request` must get from `version`."""
    if refused := wrong_status(answer):
        yield refused
        return
    try:
        document = json.loads(_body(answer))
        outputs, answered = dict(document["outputs"]), document["version"]
    except (ValueError, KeyError, TypeError) as error:
        yield f"no answer of the plain dialect: {error!r}"
        return
    if str(answered) != str(version):
        yield f"version {answered} answered, not {version}"
    if set(outputs) != set(request["outputs"]):
        yield f"outputs {sorted(outputs)}, expected {sorted(request['outputs'])}"
        return
    for name, expected in request["outputs"].items():
        if found := _difference(golden, expected, outputs[name], f"output '{name}'"):
            yield found


def _body(answer: Mapping[str, Any]) -> bytes:
    body = str(answer.get("body") or "")
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def _difference(golden: Golden, expected: Any, found: Any, at: str) -> str | None:
    """The first difference between two values, or None."""
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return f"{at} is not of length {len(expected)}"
        pairs = enumerate(zip(expected, found, strict=True))
        told = (_difference(golden, want, have, f"{at}[{index}]") for index, (want, have) in pairs)
        return next(filter(None, told), None)
    if _equal(golden, expected, found):
        return None
    tolerance = f"{golden.relative:g} of it + {golden.absolute:g}"
    return f"{at} is {found!r}, expected {expected!r} (tolerance {tolerance})"


def _equal(golden: Golden, expected: Any, found: Any) -> bool:
    if type(expected) is not float:
        return type(expected) is type(found) and bool(expected == found)
    if type(found) not in {int, float} or not math.isfinite(found):
        return False
    return bool(abs(found - expected) <= golden.absolute + golden.relative * abs(expected))
