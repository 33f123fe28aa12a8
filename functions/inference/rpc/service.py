"""The description of a gRPC service, and the call that its operations get."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Call
from lading.functions.inference.wire.messages import Observation, Request


@dataclass(frozen=True, slots=True)
class RpcCall:
    """One call: the models, and the record of the call."""

    catalog: Catalog
    observation: Observation
    path: str

    def call(self, model: str, version: str = "", label: str = "") -> Call:
        """Return the call of the dialects over HTTP, for a model and perhaps a version of it."""
        named = {"model": model, "version": version, "label": label}
        parameters = {key: text for key, text in named.items() if text or key == "model"}
        request = Request("POST", self.path, {}, b"")
        return Call(request, self.catalog, parameters, self.observation)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a protocol.

    Args:
        name: its name in the proto file.
        dialect: its name in logs and metrics.
        operations: a method's name -> the function from its request to its response. A method
            that streams gets each request of the stream by itself.
        predicting: the methods that predict; all others only read what is in memory.
        stream_error: makes the part of a stream that reports an error.
    """

    name: str
    dialect: str
    operations: Mapping[str, Callable[[RpcCall, Any], Any]]
    predicting: frozenset[str] = frozenset()
    stream_error: Callable[[Exception], Any] | None = None
