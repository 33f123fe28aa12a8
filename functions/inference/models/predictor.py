"""The interfaces of a model: Predictor, for dialects, and Backend, which computes its graph."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from lading.functions.contract.errors import SignatureNotFound, UnexpectedOutput
from lading.functions.inference.artifact.specification import (
    PREDICT_METHOD,
    SERVING_DEFAULT,
    TensorSpec,
)
from lading.functions.inference.tensors.conversion import Array, check_signature

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.explaining.recorded import Recorded
    from lading.functions.inference.graphs.node_runs import NodeRun
    from lading.functions.inference.wire.deferred import Deferred

EXPLANATION: Final = "explanation"
"""The output with the explanation of each row, BYTES [rows], of models that have explanations."""

EXPLAIN_PARAMETERS: Final = "explain_parameters"
"""Where a request states what it wants explained, as in MLServer; see `explaining.asking`."""

TEXT_LENGTHS: Final = "lading.text_lengths"
"""An extra of models that read text: int64 [texts], in tokens, special ones included."""


custom_attributes: ContextVar[str] = ContextVar("custom_attributes", default="")
"""SageMaker's custom attributes of the current request; empty without any."""


latest_runs: ContextVar["tuple[NodeRun, ...]"] = ContextVar("latest_runs", default=())
"""The runs of the models of the last graph that predicted in this context, until they are taken."""


trace_context: ContextVar[str] = ContextVar("trace_context", default="")
"""The header `traceparent` of the current request, for calls of other services; empty without."""


@contextmanager
def continuing(trace: str) -> Iterator[None]:
    """Let the calls of other services in this block belong to a trace, if there is one."""
    known = trace_context.set(trace)
    try:
        yield
    finally:
        trace_context.reset(known)


keeps_memory: ContextVar[bool] = ContextVar("keeps_memory", default=True)
"""Whether a run of a model in this process keeps its working memory for the model's next run."""


def take_runs() -> "tuple[NodeRun, ...]":
    """Return the runs of the last graph that predicted in this context, once."""
    found = latest_runs.get()
    if found:
        latest_runs.set(())
    return found


class ModelMetadata(NamedTuple):
    """The description of a model for callers: its name, version, platform and signature.

    `extras` are arrays outside the signature, returned when a request names them. `signature` is
    the signature's name, `method` what it does in TensorFlow Serving's terms.
    """

    name: str
    version: int
    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    extras: tuple[str, ...] = ()
    signature: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD

    def output_names(self) -> tuple[str, ...]:
        """Names of all outputs, in the model's order."""
        return tuple(output.name for output in self.outputs)


class Batching(NamedTuple):
    """How requests are joined.

    Args:
        most_rows: the most rows in one run.
        longest_wait_s: how long the first of them may wait for others, in seconds; 0 joins only
            what is there already.
    """

    most_rows: int = 16
    longest_wait_s: float = 0.0


class Health(Protocol):
    """Whether a loaded version can answer, as a server that watches it knows."""

    def failure(self) -> str:
        """Return why it cannot, at once and from memory; empty if it can."""


class Predictor(Protocol):
    """One version of a model, as dialects call it: named arrays in, named arrays out.

    Whatever implements it inherits from it: what a model may lack is absent by default.
    """

    metadata: ModelMetadata

    golden: bytes | None = None
    """Content of the artifact's golden.json; None where another process answers for the model."""

    baseline: bytes | None = None
    """Content of the artifact's baseline.json; None where requests are not counted in its bins."""

    predictions: int = 0
    """How many predictions there were of a model with a baseline."""

    next_noted: int = 0
    """At which of them the next one is counted in the baseline's bins."""

    noted_of: int = 1
    """One of so many is counted, at random."""

    classes: Mapping[str, Sequence[str]] = MappingProxyType({})
    """The names of the columns of outputs that are scores of classes, where they are known."""

    drawn: Callable[[], bool] | None = None
    """Draws whether a prediction is captured; None: none are."""

    health: Health | None = None
    """Its health; None where nobody watches it, as on Lambda."""

    folder: Path | None = None
    """The folder of its artifact, where it was read from one."""

    twin: "Predictor | None" = None
    """The smaller model that answers while this one's endpoint is not available."""

    @property
    def signatures(self) -> Mapping[str, "Predictor"]:
        """A predictor for each signature, by every name; the first is the default."""
        return {self.metadata.signature: self}

    @property
    def batching(self) -> Batching | None:
        """How requests of several callers share a run of the model; None if they must not."""
        return None

    @property
    def recorded(self) -> "Recorded | None":
        """What packaging recorded for explanations; None where a request can have none.

        Raises:
            ValueError: it cannot be read.
        """
        return None

    @property
    def language_model(self) -> "TextModel | None":
        """The same model as a generator of text; None where it accepts tensors."""
        return None

    def text_of(self, tokens: Sequence[int]) -> str | None:  # noqa: ARG002
        """Return the text that has these tokens; None where the model has no tokenizer.

        Raises:
            InvalidInput: no text has them.
        """
        return None

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Answer one request.

        Args:
            inputs: an array for each input of the signature.
            outputs: names of the outputs to return; all when empty.

        Raises:
            InvalidInput: an input does not fit the signature.
            UnexpectedOutput: the signature has no output of a requested name.
            PredictionFailed: the model failed.
        """

    def predict_in_job(
        self,
        work: "EngineWork",  # noqa: ARG002
        inputs: dict[str, Array],
        outputs: Sequence[str] = (),
    ) -> "dict[str, Array] | Deferred":
        """Answer one request inside a job, at once or with where the answer will be written."""
        return self.predict(inputs, outputs)


class TextModel(Protocol):
    """A language model behind an engine that accepts OpenAI's JSON."""

    metadata: ModelMetadata

    engine_model: str
    """The model's name at the engine; empty when requests name none there."""

    def complete(
        self, document: Mapping[str, Any], work: "EngineWork | None" = None
    ) -> "bytes | Deferred":
        """Return the engine's whole answer; deferred only inside a job, whose `work` is given.

        Raises:
            InferenceError: there is no answer.
        """

    def stream(self, document: Mapping[str, Any]) -> Generator[bytes, None, None]:
        """Return the engine's answer as server-sent events, in parts of any length.

        Raises:
            InferenceError: there is no answer, at once or from some part on.
        """


def with_signature(predictor: Predictor, name: str) -> Predictor:
    """Return the predictor of a model's signature; the default one for an empty name.

    Raises:
        SignatureNotFound: the model has no signature of this name.
    """
    if not name:
        return predictor
    known = predictor.signatures
    if name not in known:
        raise SignatureNotFound(name, known)
    return known[name]


def check_request(
    metadata: ModelMetadata, inputs: dict[str, Array], outputs: Sequence[str]
) -> None:
    """Check a request against a model's signature, before anything is computed.

    Raises:
        InvalidInput: an input does not fit.
        UnexpectedOutput: there is no output of a requested name.
    """
    check_signature(inputs, metadata.inputs)
    known = metadata.output_names()
    for name in outputs:
        if name not in (*known, *metadata.extras):
            raise UnexpectedOutput(name, known)


Answer = Callable[[dict[str, Array]], dict[str, Array]]
"""Named arrays in, named arrays out."""


class Backend(Protocol):
    """A loaded model, with or without processing steps: named arrays in, named arrays out."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    extras: tuple[str, ...] = ()
    """See `ModelMetadata.extras`."""

    def check_axes(self, inputs: dict[str, Array]) -> None:  # noqa: ARG002
        """Check that axes to which the model gives one name have one size.

        Raises:
            InvalidInput: they differ.
        """
        return

    def text_of(self, tokens: Sequence[int]) -> str | None:  # noqa: ARG002
        """See `Predictor.text_of`."""
        return None

    def bound(
        self,
        outputs: Sequence[str],  # noqa: ARG002
    ) -> Callable[[dict[str, Array]], dict[str, Array]] | None:
        """Return `run` for these outputs, if the model itself refuses inputs of other shapes."""
        return None

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Compute.

        Args:
            inputs: an array for each input.
            outputs: names of the outputs to return; all when empty.

        Raises:
            InferenceError, SessionError: there is no answer.
        """


_SOURCE = re.compile(r"\S*/\S+:\d+ ")
"""A place in onnxruntime's own sources, which means nothing to a caller."""


class SessionError(Exception):
    """A graph, or a step around it, failed to load or to run; holds the error's first line."""

    def __init__(self, error: BaseException) -> None:
        line = str(error).strip().partition("\n")[0]
        super().__init__(_SOURCE.sub("", line) or type(error).__name__)
