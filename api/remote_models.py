"""The models of a deployed API, with the interface of models in this process.

`GET /models/{model}` describes a model, and is cached for half a minute; tensors travel in the
binary form of the Open Inference Protocol.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from lading.api.caller import Caller
from lading.api.calls import HEADERS, ServerAnswer, call
from lading.api.errors import LadingError
from lading.functions.contract.errors import (
    InferenceError,
    MalformedRequest,
    ModelNotFound,
    ModelUnavailable,
    PredictionFailed,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from lading.functions.contract.limits import GATEWAY
from lading.functions.inference.artifact.specification import (
    PREDICT_METHOD,
    SERVING_DEFAULT,
    TensorSpec,
)
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, check_request
from lading.functions.inference.tensors import messages as tensor_messages
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.tensors.conversion import Array

CACHED_S = 30.0
"""How long the description of a model is cached."""

_BINARY: Mapping[str, str] = MappingProxyType(
    {"Content-Type": "application/octet-stream", "Accept": "*/*"}
)
"""A gateway may return a response as text unless the caller accepts any type."""


class Ask(NamedTuple):
    """A request of an API: GET `path`, or POST `body` there."""

    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = HEADERS


@dataclass(frozen=True, slots=True)
class Api:
    """A deployed API: its URL, and its caller."""

    url: str
    caller: Caller

    def address(self, path: str) -> str:
        """Return the URL of a path."""
        return f"{self.url.rstrip('/')}{path}"

    def call(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] = HEADERS
    ) -> ServerAnswer:
        """Return the response to GET `path`, or to POST `body` there, of any status.

        Raises:
            ModelUnavailable: there is no response.
        """
        address = self.address(path)
        try:
            return call(address, body, self.caller.headers(address, body, headers), headers)
        except LadingError as error:
            raise ApiSilent(str(error)) from error


class ApiSilent(ModelUnavailable):
    """The API cannot be reached by this caller.

    Remedy: check the URL, the network, and the token or the credentials of the caller.
    """

    def __init__(self, reason: str) -> None:
        InferenceError.__init__(self, reason)
        self.name, self.version, self.reason = "", 0, reason


class DescribedModels:
    """Descriptions of models, each cached for half a minute.

    Args:
        now: the time, in seconds.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: dict[str, tuple[float, CatalogModel]] = {}

    def find(self, name: str) -> CatalogModel | None:
        """Return a model whose description is still valid."""
        until, known = self._known.get(name, (0.0, None))
        return known if self._now() < until else None

    def keep(self, name: str, model: CatalogModel) -> None:
        """Keep a model that has just been described."""
        self._known[name] = (self._now() + CACHED_S, model)


class RemoteCatalog(Catalog):
    """The models of an API, described on demand."""

    in_memory = False

    def __init__(self, api: Api, now: Callable[[], float] = monotonic) -> None:
        super().__init__({})
        self._api, self._known = api, DescribedModels(now)

    def names(self) -> tuple[str, ...]:
        """Return the names of the models, sorted."""
        return tuple(sorted(each["name"] for each in read_document(self._api.call("/models"))))

    def models(self) -> tuple[CatalogModel, ...]:
        """Return the models, sorted by name."""
        return tuple(self.model(name) for name in self.names())

    def ready(self) -> bool:
        """Return whether the API says that every model is ready."""
        return self._api.call("/v2/health/ready").status == HTTPStatus.OK

    def model(self, name: str) -> CatalogModel:
        """Return the model of this name.

        Raises:
            ModelNotFound: the API does not serve it.
            InferenceError: the API does not describe it.
        """
        known = self._known.find(name)
        if known is None:
            known = read_model(self._api.call(*ask_model(name)), name, self._api)
            self._known.keep(name, known)
        return known


class RemotePredictor(Predictor):
    """One version of a model of an API.

    Args:
        metadata: the tensors of one of its signatures.
        api: the API.
        signature: name of that signature; empty for the default one.
    """

    def __init__(self, metadata: ModelMetadata, api: Api, signature: str = "") -> None:
        self.metadata, self._api, self._signature = metadata, api, signature
        self.others: Mapping[str, RemotePredictor] = {}

    @property
    def signatures(self) -> Mapping[str, Predictor]:
        """See `Predictor.signatures`."""
        return {self.metadata.signature: self, **self.others}

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`.

        Raises:
            ModelUnavailable: the API cannot be reached.
        """
        return self.read(self._api.call(*self.ask(inputs, outputs)), outputs)

    def ask(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> Ask:
        """Return the request for a prediction.

        Raises:
            InvalidInput, UnexpectedOutput: see `Predictor.predict`.
        """
        check_request(self.metadata, inputs, outputs)
        wanted = outputs or self.metadata.output_names()
        body, length = tensor_messages.encode(inputs, wanted, signature=self._signature)
        path = f"/v2/models/{quote(self.metadata.name, safe='')}/versions/{self.metadata.version}"
        return Ask(f"{path}/infer", body, {**_BINARY, HEADER_LENGTH: str(length)})

    def read(self, reply: ServerAnswer, outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Return the outputs in the response to `ask`.

        Raises:
            InferenceError: the response is an error, or cannot be read.
        """
        name, version = self.metadata.name, self.metadata.version
        if reply.status != HTTPStatus.OK:
            raise _refusal(reply, name, version)
        wanted = outputs or self.metadata.output_names()
        try:
            size = int(reply.headers.get(HEADER_LENGTH, len(reply.body)))
            found = tensor_messages.decode(reply.body, size)
            return {each: found[each] for each in wanted}
        except (InferenceError, LookupError, TypeError, ValueError) as error:
            reason = f"the answer of {self._api.url} cannot be read: {error!r}"
            raise PredictionFailed(name, version, reason) from error


def ask_model(name: str) -> Ask:
    """Return the request for the description of a model."""
    return Ask(f"/models/{quote(name, safe='')}")


def read_model(reply: ServerAnswer, name: str, api: Api) -> CatalogModel:
    """Return a model from the response to `ask_model`.

    Raises:
        ModelNotFound: the API does not serve it.
        InferenceError: the API does not describe it.
    """
    document = read_document(reply, name)
    versions: dict[int, Predictor | ModelUnavailable] = {}
    labels: dict[str, int] = {}
    for each in document["versions"]:
        version = int(each["version"])
        reason = each["reason"] or "no reason given"
        versions[version] = (
            _predictor(name, version, each, api)
            if each["ready"]
            else ModelUnavailable(name, version, reason)
        )
        labels |= dict.fromkeys(each["labels"], version)
    return CatalogModel(name, versions, labels)


def _predictor(name: str, version: int, document: Mapping[str, Any], api: Api) -> Predictor:
    alone = {**document, "name": SERVING_DEFAULT, "method": PREDICT_METHOD}
    first, *others = (
        _signature(name, version, each) for each in document.get("signatures", [alone])
    )
    predictor = RemotePredictor(first, api)
    predictor.classes = document.get("classes") or {}
    predictor.others = {
        each.signature: RemotePredictor(each, api, each.signature) for each in others
    }
    return predictor


def _signature(name: str, version: int, document: Mapping[str, Any]) -> ModelMetadata:
    inputs, outputs = (
        tuple(map(TensorSpec.from_json, document[side])) for side in ("inputs", "outputs")
    )
    return ModelMetadata(
        *(name, version, "onnxruntime_onnx", inputs, outputs),
        signature=document["name"],
        method=document["method"],
    )


def read_document(reply: ServerAnswer, name: str = "") -> Any:
    """Return the JSON of a response.

    Raises:
        InferenceError: the response is an error.
    """
    if reply.status == HTTPStatus.NOT_FOUND and name:
        raise ModelNotFound(name, ())
    if reply.status != HTTPStatus.OK:
        raise _refusal(reply, name, 0)
    return json.loads(reply.body)


def _refusal(reply: ServerAnswer, name: str, version: int) -> InferenceError:
    """Return the error for an error response of the service, or of the gateway in front of it."""
    text = reply.reason()
    found: dict[int, InferenceError] = {
        400: MalformedRequest(text),
        404: ModelNotFound(name, ()),
        413: RequestTooLarge(GATEWAY.body_bytes),
        429: Throttled(name, version),
        503: ModelUnavailable(name, version, text),
        504: TimedOut(name, version, GATEWAY.timeout_s),
    }
    return found.get(
        reply.status, PredictionFailed(name, version, f"the API answers {reply.status}: {text}")
    )
