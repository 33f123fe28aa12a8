"""A prediction that an operation requests, and how it is answered at once.

An operation of a dialect is a generator: it decodes its request, yields a `Prediction`, receives
the arrays and encodes them. It does not know where and when the model runs. On Lambda that is at
once, in the same thread; in a container it may be in another thread, or together with others.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from lading.functions.contract.errors import EndpointUnready, InferenceError
from lading.functions.inference.models.predictor import (
    Predictor,
    continuing,
    custom_attributes,
    take_runs,
)
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation

if TYPE_CHECKING:
    from lading.functions.inference.endpoint.job_store import EngineWork
    from lading.functions.inference.wire.deferred import Deferred


class Prediction(NamedTuple):
    """The arrays for one run of a model, and what is wanted of it.

    Args:
        predictor: the model.
        inputs: an array for each input of its signature; not yet checked against that.
        outputs: names of the outputs to return; all when empty.
        attributes: SageMaker's custom attributes of the request, for the model's own code.
        timeout_us: how long the request may wait before the model runs, in microseconds from its
            arrival, as in Triton; 0 for any time.
    """

    predictor: Predictor
    inputs: dict[str, Array]
    outputs: Sequence[str] = ()
    attributes: str = ""
    timeout_us: int = 0

    def rows(self) -> int:
        """Return how many rows there are; 1 where the model takes none."""
        for spec in self.predictor.metadata.inputs:
            array = self.inputs.get(spec.name)
            if array is not None and array.ndim and spec.shape[:1] == (-1,):
                return int(array.shape[0])
        return 1

    def compute(self) -> dict[str, Array]:
        """Run the model in this thread, and return its outputs by name.

        Raises:
            InferenceError: the inputs do not fit the model, or it has no answer.
        """
        if not self.attributes:
            return self.predictor.predict(self.inputs, self.outputs)
        known = custom_attributes.set(self.attributes)
        try:
            return self.predictor.predict(self.inputs, self.outputs)
        finally:
            custom_attributes.reset(known)


def predict(prediction: Prediction, observation: Observation) -> dict[str, Array]:
    """Predict, and note the time: before it lies decoding, after it encoding.

    The model's twin answers while the model's endpoint is not available, if it has one.

    Raises:
        InferenceError: see `Prediction.compute`.
    """
    observation.rows = prediction.rows()
    observation.compute_started = perf_counter()
    try:
        if observation.trace:
            with continuing(observation.trace):
                outputs = prediction.compute()
        else:
            outputs = prediction.compute()
        found = note_answer(prediction, outputs, observation)
    except EndpointUnready as unready:
        found = _ask_twin(unready, prediction, observation)
    finally:
        observation.compute_ended = perf_counter()
        observation.nodes = take_runs()
    observation.outputs = found
    return found


def note_answer(
    prediction: Prediction, outputs: dict[str, Array], observation: Observation
) -> dict[str, Array]:
    """Note what was predicted, if it is to be counted or captured; return the outputs.

    What is neither costs two comparisons here, and nothing later.
    """
    predictor = prediction.predictor
    if predictor.drawn is not None and predictor.drawn():
        observation.captured = prediction, outputs
    if predictor.baseline is not None:
        predictor.predictions += 1
        if predictor.predictions >= predictor.next_noted:
            if predictor.noted_of > 1:
                predictor.next_noted = predictor.predictions + _skipped(predictor.noted_of)
            observation.answered = prediction, outputs
    return outputs


def may_be_noted(predictor: Predictor, count: int) -> bool:
    """Return whether one of so many predictions of a run may have to be noted; if not, count them.

    A run of which none is costs this one comparison, and not two for each of its requests.
    """
    if predictor.drawn is not None:
        return True
    if predictor.baseline is None:
        return False
    if predictor.predictions + count >= predictor.next_noted:
        return True
    predictor.predictions += count
    return False


def forget_answer(observation: Observation) -> None:
    """Neither count nor capture what was predicted: no caller asked for it."""
    observation.captured = None
    if observation.answered is not None:
        observation.answered[0].predictor.predictions -= 1
        observation.answered = None


def _skipped(noted_of: int) -> int:
    """Return after how many predictions the next one is counted: `noted_of` on average, at random.

    So it does not matter if callers take turns.
    """
    from random import randint

    return randint(1, 2 * noted_of - 1)  # noqa: S311 nothing secret


def predict_in_job(
    prediction: Prediction, work: "EngineWork", observation: Observation
) -> "dict[str, Array] | Deferred":
    """Predict inside a job, which keeps no custom attributes; see `Predictor.predict_in_job`.

    Raises:
        InferenceError: see `Prediction.compute`.
    """
    observation.compute_started = perf_counter()
    found = prediction.predictor.predict_in_job(work, prediction.inputs, prediction.outputs)
    observation.compute_ended = perf_counter()
    return found


def _ask_twin(
    unready: EndpointUnready, prediction: Prediction, observation: Observation
) -> dict[str, Array]:
    """Return the answer of the model's twin, if it has one that answers."""
    twin = prediction.predictor.twin
    if twin is None:
        raise unready
    try:
        answer = prediction._replace(predictor=twin).compute()
    except InferenceError as error:
        raise unready from error
    observation.answered_by = twin.metadata.name
    return answer
