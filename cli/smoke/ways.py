"""Every way in which clients reach a model: three dialects, below its base URL and at the root.

A golden request is written in each dialect, and what comes back is read as the plain dialect's
answer, so that one comparison serves all.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lading.cli.smoke.golden import Tensors
from lading.functions.traffic_hook.golden import by_name

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way.

    Args:
        dialect: what is spoken.
        at_root: whether through the front function, else to the model's own base URL.
        path: below the API's URL, with `{model}`.
        write: makes the request's document of the tensors.
        read: makes the plain dialect's answer of a document; the version is None when it has none.
    """

    dialect: str
    at_root: bool
    path: str
    write: Callable[[Tensors], Document]
    read: Callable[[Document, Document], Document]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.dialect}, {'root path' if self.at_root else 'base URL'}"

    def url(self, api: str, model: str) -> str:
        """The address."""
        return api.rstrip("/") + self.path.format(model=quote(model, safe=""))


def _write_columns(tensors: Tensors) -> Document:
    return {"inputs": by_name(tensors)}


def _write_tensors(tensors: Tensors) -> Document:
    return {"inputs": list(tensors)}


def _read_plain(answer: Document, _expected: Document) -> Document:
    return answer


def _read_tensors(answer: Document, _expected: Document) -> Document:
    return {"version": answer["model_version"], "outputs": by_name(answer["outputs"])}


def _read_columns(answer: Document, expected: Document) -> Document:
    """TensorFlow Serving names no version, and a single output neither."""
    outputs, names = answer["outputs"], list(expected["outputs"])
    named = {names[0]: outputs} if len(names) == 1 else outputs
    return {"version": None, "outputs": {name: _texts(value) for name, value in named.items()}}


def _texts(value: Any) -> Any:
    """Text where the dialect has base64."""
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return b64decode(value["b64"]).decode(errors="replace")
    return value


WAYS = (
    Way("plain", False, "/{model}/predict", _write_columns, _read_plain),
    Way("plain", True, "/predict/{model}", _write_columns, _read_plain),
    *(
        Way(dialect, at_root, f"{'' if at_root else '/{model}'}{path}", write, read)
        for dialect, path, write, read in (
            ("v2", "/v2/models/{model}/infer", _write_tensors, _read_tensors),
            ("v1", "/v1/models/{model}:predict", _write_columns, _read_columns),
        )
        for at_root in (False, True)
    ),
)
"""Each of them."""
