"""The description of a gRPC service, and the call that its operations get."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.rpc.raw_contents import Part
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation, Request


@dataclass(frozen=True, slots=True)
class RpcCall:
    """One call: the models, and the record of the call.

    Args:
        catalog: the models.
        observation: the record.
        path: the method's full name.
        metadata: returns what the client sent beside its request: names in lower case, and values.
        reads: whether the method only reads what is in memory, and predicts nothing.
    """

    catalog: Catalog
    observation: Observation
    path: str
    metadata: Callable[[], Iterable[tuple[str, str | bytes]] | None] = tuple
    reads: bool = False

    def call(self, model: str, version: str = "", label: str = "") -> Call:
        """Return the call of the dialects over HTTP, for a model and perhaps a version of it."""
        named = {"model": model, "version": version, "label": label}
        parameters = {key: text for key, text in named.items() if text or key == "model"}
        headers: dict[str, str] = {}
        if self.catalog.split_of(model) is not None:
            sent = self.metadata() or ()
            headers = {name: value for name, value in sent if isinstance(value, str)}
        request = Request("GET" if self.reads else "POST", self.path, headers, b"")
        return Call(request, self.catalog, parameters, self.observation)


SHORT: Final = 64 * 1024
"""Bytes of a request that is decoded sooner than another thread takes it."""

Predicting = Generator[Prediction, dict[str, Array], Iterable[Part]]
"""Decodes a request, yields, receives the outputs, and returns the parts of the response."""


def _is_short(request: bytes) -> bool:
    return len(request) <= SHORT


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a protocol.

    Args:
        name: its name in the proto file.
        dialect: its name in logs and metrics.
        operations: a method's name -> the function from its request to its response, which only
            reads what is in memory.
        predicting: a method's name -> the generator function of a method that predicts, which gets
            the serialized request. A method that streams gets each request by itself.
        stream_error: makes the part of a stream that reports an error.
        is_short: whether a request is decoded sooner than another thread takes it.
    """

    name: str
    dialect: str
    operations: Mapping[str, Callable[[RpcCall, Any], Any]]
    predicting: Mapping[str, Callable[[RpcCall, bytes], Predicting]] = field(default_factory=dict)
    stream_error: Callable[[Exception], Any] | None = None
    is_short: Callable[[bytes], bool] = _is_short
