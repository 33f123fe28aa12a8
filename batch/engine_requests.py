"""Requests for an engine in a container, as objects that a job reads, and the answers it writes.

A job of SageMaker sends each object to the container as one request, and writes each answer as one
object. A request's name is the digest of its content: it is uploaded once and answered once,
whatever is interrupted, and rows that are equal share an answer. Requests are in the Open Inference
Protocol's binary form. All requests of a job have one content type, which has the length of the
JSON before the tensors; so that JSON is filled up with spaces to one length.

Where the engine answers no request of several rows, each of its rows gets a request of its own.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from lading.functions.contract.errors import PredictionFailed, RequestTooLarge, Unsupported
from lading.functions.contract.names import artifact_folder
from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.functions.inference.endpoint.predictor import BINARY, EndpointPredictor
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.batching import batching_of
from lading.functions.inference.models.predictor import Batching, Predictor
from lading.functions.inference.tensors.conversion import Array

MOST_BYTES: Final = 20 << 20
"""The most bytes of a request; Batch Transform accepts 100 MB."""

_IN_JSON: Final = "async"
"""A mode with answers in JSON: a job keeps the body of an answer, and not its content type."""
_STEP, _DIGITS = 256, 40


class NamedRequest(NamedTuple):
    """A request: its name, its content, and what reads its answer."""

    name: str
    content: bytes
    read: Callable[[str, bytes], Mapping[str, Array]]


class EngineForm:
    """The form of the requests of one version.

    Args:
        predictor: the version, as the proxy of an endpoint opens it.
        artifact: the version.
    """

    def __init__(self, predictor: EndpointPredictor, artifact: Artifact) -> None:
        assert artifact.engine is not None
        self.metadata = predictor.metadata
        self.batching = batching_of(artifact.specification, predictor.metadata)
        self._predictor = predictor
        self._header = _header_size((*artifact.engine.inputs, *artifact.engine.outputs))

    @property
    def content_type(self) -> str:
        """The content type of every request."""
        return f"{BINARY}{self._header}"

    def sent(self, inputs: dict[str, Array]) -> NamedRequest:
        """Return the request for some rows.

        Raises:
            InferenceError: the rows do not fit the model, or are too large for a request.
        """
        request = self._predictor.engine_request(inputs)
        size = int(request.content_type.rpartition("=")[2])
        if size > self._header:
            raise Unsupported(f"a request's JSON has {size} bytes, above {self._header}")
        filling = b" " * (self._header - size)
        content = b"".join((request.body[:size], filling, request.body[size:]))
        if len(content) > MOST_BYTES:
            raise RequestTooLarge(MOST_BYTES)
        return NamedRequest(sha256(content).hexdigest()[:_DIGITS], content, request.read)

    def failed(self, reason: str) -> PredictionFailed:
        """Return the error of rows that the engine did not answer."""
        return PredictionFailed(self.metadata.name, self.metadata.version, reason)


def open_engine(root: Path, model: str, version: int, digest: str) -> EngineForm:
    """Return the form of a version that an engine serves.

    Args:
        root: the folder that holds `models/<name>/<version>`.
        model: the model.
        version: its version.
        digest: the version's digest.

    Raises:
        InferenceError: it cannot be opened.
        Unsupported: it is a language model, which has no rows.
    """
    served = ServedModel(model, {version: digest})
    endpoint = ServedEndpoint("batch", mode=_IN_JSON)
    settings = ServingSettings(models=(served,), model_root=str(root), endpoint=endpoint)
    predictor = load_catalog(settings).model(model).predictor(version)
    if not isinstance(predictor, EndpointPredictor):
        raise Unsupported(f"model '{model}' is a language model: it answers texts, and not rows")
    return EngineForm(predictor, read_artifact(root / artifact_folder(model, version), digest))


class AskingPredictor(Predictor):
    """Hands over the requests that are to be sent, in place of answers.

    Args:
        form: the form of requests.
        answered: names of the requests that have an answer.
        refused: names of those that had none after a job.
        alone: whether the rows of requests without an answer are asked one by one.
        ask: called with each request that is to be sent.
    """

    def __init__(
        self,
        form: EngineForm,
        answered: Container[str],
        refused: Container[str],
        ask: Callable[[NamedRequest], object],
        *,
        alone: bool,
    ) -> None:
        self.metadata = form.metadata
        self._form, self._ask, self._alone = form, ask, alone
        self._answered, self._refused = answered, refused

    @property
    def batching(self) -> Batching | None:
        """See `Predictor.batching`."""
        return self._form.batching

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:  # noqa: ARG002 all
        """See `Predictor.predict`; there are no outputs yet.

        Raises:
            InferenceError: the rows do not fit the model, or are to be asked one by one.
        """
        sent = self._form.sent(inputs)
        if sent.name in self._answered:
            return {}
        if self._alone and len(next(iter(inputs.values()))) > 1:
            raise self._form.failed("the rows are asked one by one")
        if sent.name not in self._refused:
            self._ask(sent)
        return {}


class AnsweredPredictor(Predictor):
    """Reads the answers that jobs have written.

    Args:
        form: the form of requests.
        answered: the address of each answer, by the name of its request.
        refused: why a request has none, by its name.
        read: returns the content at an address.
    """

    def __init__(
        self,
        form: EngineForm,
        answered: Mapping[str, str],
        refused: Mapping[str, str],
        read: Callable[[str], bytes],
    ) -> None:
        self.metadata = form.metadata
        self._form, self._read = form, read
        self._answered, self._refused = answered, refused

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:  # noqa: ARG002 all
        """See `Predictor.predict`.

        Raises:
            InferenceError: there is no answer.
        """
        sent = self._form.sent(inputs)
        if sent.name not in self._answered:
            raise self._form.failed(self._refused.get(sent.name, "no job has answered it"))
        return dict(sent.read("application/json", self._read(self._answered[sent.name])))


def _header_size(tensors: Sequence[TensorSpec]) -> int:
    """Return a length that the JSON of every request has room in."""
    sizes = [160 + 6 * len(each.name.encode()) + 24 * len(each.shape) for each in tensors]
    return -(-(_STEP + sum(sizes)) // _STEP) * _STEP
