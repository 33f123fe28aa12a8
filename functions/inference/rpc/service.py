"""What a gRPC protocol offers, and what its operations work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Call
from lading.functions.inference.wire.messages import Observation, Request


@dataclass(frozen=True, slots=True)
class RpcCall:
    """One call: the models, and what is noted of it."""

    catalog: Catalog
    observation: Observation
    path: str

    def call(self, model: str, version: str = "", label: str = "") -> Call:
        """The call as the dialects over HTTP have it, for a model and perhaps a version of it."""
        named = {"model": model, "version": version, "label": label}
        parameters = {key: text for key, text in named.items() if text or key == "model"}
        request = Request("POST", self.path, {}, b"")
        return Call(request, self.catalog, parameters, self.observation)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a protocol.

    Args:
        name: as in its proto file.
        dialect: as logs and metrics name it.
        operations: a method's name -> what makes its response of its request. A method that
            streams gets each request of the stream by itself.
        predicting: the methods that predict; all others only look up what is there.
        stream_error: the part of a stream that says what was wrong with a request.
    """

    name: str
    dialect: str
    operations: Mapping[str, Callable[[RpcCall, Any], Any]]
    predicting: frozenset[str] = frozenset()
    stream_error: Callable[[Exception], Any] | None = None
