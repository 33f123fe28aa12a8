"""One routed request: the model that it names, and the prediction that it requests."""

from collections.abc import Callable, Generator, Mapping, Sequence
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from lading.functions.contract.errors import MalformedRequest, NoModelNamed
from lading.functions.contract.names import DEFAULT_LABEL, VERSION_HEADER
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.prediction import Prediction, predict, predict_in_job
from lading.functions.inference.models.predictor import Predictor, TextModel, continuing
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import (
    Observation,
    Request,
    Response,
    StreamedResponse,
)

if TYPE_CHECKING:
    from lading.functions.contract.split import VersionSplit
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.wire.deferred import Deferred

_MOST_VERSION_DIGITS = 18
_READING = frozenset({"GET", "HEAD"})


class Call(NamedTuple):
    """One routed request, as a dialect's operation gets it."""

    request: Request
    catalog: Catalog
    parameters: Mapping[str, str]
    observation: Observation
    work: "EngineWork | None" = None
    """What an asynchronous endpoint has done for the job that the request belongs to, if any."""

    def model_name(self) -> str:
        """Return the model that the path names, else the only one at this base URL.

        Raises:
            MalformedRequest: the path names none and several are served.
        """
        if "model" in self.parameters:
            return self.parameters["model"]
        names = self.catalog.names()
        if len(names) != 1:
            raise NoModelNamed(names)
        return names[0]

    def model(self) -> CatalogModel:
        """Return the model that the path means.

        Raises:
            ModelNotFound: it is not served here.
        """
        model = self.catalog.model(self.model_name())
        self.observation.model = model.name
        return model

    def find_version(self) -> tuple[str, int]:
        """Return the name and the version of the model that the path means.

        Raises:
            NotFound: it is not served here.
        """
        model = self.model()
        stated = _version_number(self.parameters.get("version"))
        label = self.parameters.get("label")
        if model.split is not None and stated is None and label is None:
            stated = self._chosen(model, model.split)
        version = model.find_version(stated, label)
        self.observation.version = version
        return model.name, version

    def _chosen(self, model: CatalogModel, split: "VersionSplit") -> int | None:
        """Return the version of a split model that answers; None for its default version.

        A request that only reads is about the default version, whoever asks.
        """
        if self.request.method in _READING:
            return None
        headers = self.request.headers
        chosen = _version_number(headers.get(VERSION_HEADER))
        if chosen is None:
            chosen = split.choose(model.name, headers)
        self.observation.chosen = chosen
        return chosen

    def predictor(self) -> Predictor:
        """Return the predictor that the path means.

        Raises:
            NotFound: it is not served here.
            ModelUnavailable: it failed to load.
        """
        name, version = self.find_version()
        return self.catalog.model(name).predictor(version)

    def complete(
        self, model: TextModel, document: Mapping[str, Any], encode: Callable[[bytes], Response]
    ) -> Response:
        """Have a language model complete a text, and return the response that `encode` makes.

        Inside a job the response may be a `Deferred`; then nothing has been encoded.
        """
        from lading.functions.inference.wire.deferred import Deferred

        self.observation.compute_started = perf_counter()
        with continuing(self.observation.trace):
            found = model.complete(document, self.work)
        self.observation.compute_ended = perf_counter()
        return _deferred(found) if isinstance(found, Deferred) else encode(found)

    def predict(
        self, predictor: Predictor, inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> dict[str, Array]:
        """Predict at once; see `prediction.predict`."""
        return predict(Prediction(predictor, inputs, outputs), self.observation)


Answer = Response | StreamedResponse
Predicting = Generator[Prediction, dict[str, Array], Response]
"""An operation that predicts, once: it decodes, yields, receives the outputs, and encodes them."""

Operation = Callable[[Call], Answer | Predicting]
"""Answers one request of a dialect. A generator function waits for nothing before it yields."""


def imported_late(module: str, operation: str) -> Operation:
    """Return an operation in a module that is imported when a request first needs it."""

    def operate(call: Call) -> Answer | Predicting:
        found: Operation = getattr(import_module(module), operation)
        return found(call)

    return operate


def answer_at_once(operation: Operation, call: Call) -> Answer:
    """Return what the operation answers; what it wants predicted is predicted in this thread.

    Inside a job the response may be deferred; then nothing has been encoded.

    Raises:
        InferenceError: the request is wrong, or the model cannot answer it.
    """
    found = operation(call)
    if isinstance(found, Response | StreamedResponse):
        return found
    prediction = start(found)
    if isinstance(prediction, Response):
        return prediction
    if call.work is None:
        return finish(found, predict(prediction, call.observation))
    from lading.functions.inference.wire.deferred import Deferred

    outputs = predict_in_job(prediction, call.work, call.observation)
    return _deferred(outputs) if isinstance(outputs, Deferred) else finish(found, outputs)


def start(steps: Predicting) -> Prediction | Response:
    """Decode: return what the operation wants predicted, or its answer if that is nothing."""
    try:
        return next(steps)
    except StopIteration as end:
        answer: Response = end.value
        return answer


def finish(steps: Predicting, outputs: dict[str, Array]) -> Response:
    """Encode: return the answer of an operation that has been started.

    Raises:
        RuntimeError: the operation wants a second prediction.
    """
    try:
        steps.send(outputs)
    except StopIteration as end:
        answer: Response = end.value
        return answer
    raise RuntimeError("an operation must predict once")


def _deferred(place: "Deferred") -> Response:
    return Response(202, deferred=place)


def _version_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_VERSION_DIGITS:
        raise MalformedRequest(
            f"version must be a number, got '{text[:40]}'; use /labels/{DEFAULT_LABEL} for labels"
        )
    return int(text)
