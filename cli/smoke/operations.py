"""The operations that `lading smoke` calls, derived from the records of the dialects.

A model offers an operation when the record has it and the model's tensors, or its engine, can
answer it. Operations that load or unload models are not called.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lading.cli.smoke.codecs import CODECS, Codec
from lading.cli.smoke.golden import StableModel
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import MODEL, Dialect, Route

_OTHER_VERSIONS = ("{version}", "{label}")
_ALONE = ("", "only")
"""Values of `Route.at_root` for paths at the root that do not say which model is meant."""

_FEW_TOKENS = {"max_tokens": 1}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a dialect at one address.

    Args:
        dialect: name of the dialect.
        route: the route in its record.
        at_root: whether the front function is called, instead of the model's base URL.
        codec: writes golden requests and reads answers; None where status 200 is enough.
    """

    dialect: str
    route: Route
    at_root: bool
    codec: Codec | None

    @property
    def name(self) -> str:
        """Its dialect, operation and address, for people."""
        address = "root path" if self.at_root else "base URL"
        return f"{self.dialect} {self.route.operation}, {address}"

    def url(self, api: str, model: str) -> str:
        """Return its URL."""
        base = "" if self.at_root else "/{model}"
        return api.rstrip("/") + (base + self.route.template).format(model=quote(model, safe=""))

    def example(self, model: str) -> Any:
        """Return the document of a request without golden tensors; None for a GET."""
        if self.route.method == "GET":
            return None
        example = {key: model if it == MODEL else it for key, it in self.route.example.items()}
        return example | (_FEW_TOKENS if self.dialect == "openai" else {"parameters": _FEW_TOKENS})


def offered_operations(model: StableModel) -> Iterator[Operation]:
    """Yield every operation that a model offers, below its base URL and at root paths."""
    for dialect in DIALECTS:
        for at_root in (False, True):
            called = set()
            for route in dialect.routes:
                if route.operation in called or not _is_reached(route, at_root=at_root):
                    continue
                if _is_offered(dialect, route, model):
                    called.add(route.operation)
                    codec = CODECS.get((dialect.name, route.operation))
                    yield Operation(dialect.name, route, at_root, codec)


def _is_reached(route: Route, *, at_root: bool) -> bool:
    """Return whether a route's path names the stable version of the model there."""
    if any(part in route.template for part in _OTHER_VERSIONS):
        return False
    return not at_root or "{model}" in route.template or route.at_root not in _ALONE


def _is_offered(dialect: Dialect, route: Route, model: StableModel) -> bool:
    if route.method == "GET":
        return True
    codec = CODECS.get((dialect.name, route.operation))
    if codec is not None:
        return any(map(codec.outputs, model.tensors))
    return route.language_model and model.language
