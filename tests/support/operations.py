"""Work for the lanes that needs no request."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from lading.functions.inference.lanes.admission import UNNAMED
from lading.functions.inference.lanes.deadline import NEVER, Deadline
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation
from tests.support.predictors import PATIENCE, Gated
from tests.support.waiting import until

T = TypeVar("T")


def predict(
    lanes: Lanes,
    prediction: Prediction,
    *,
    size: int = 0,
    deadline: Deadline = NEVER,
    observation: Observation | None = None,
) -> Turn[dict[str, Array]]:
    """Let one prediction wait in its model's lane."""

    def operation() -> Generator[Prediction, dict[str, Array], dict[str, Array]]:
        return (yield prediction)

    model = prediction.predictor.metadata.name
    seen = Observation() if observation is None else observation
    return lanes.submit(operation(), seen, model, size=size, deadline=deadline)


def make_quick(lanes: Lanes, model: Gated) -> Gated:
    """Let a model run until the lanes run it in the thread of who asks; return it."""

    def quick() -> bool:
        if not any(lane.running for lane in lanes.states()):
            predict(lanes, model.asked(0)).result(PATIENCE)
        return lanes.predict_here(model, []) is not None  # a lane is busy a while after its answer

    until(quick)
    model.runs.clear()
    return model


def run(lanes: Lanes, work: Callable[[], T], model: str = UNNAMED, *, size: int = 0) -> Turn[T]:
    """Let work that predicts nothing wait in a lane."""

    def operation() -> Generator[Prediction, Any, T]:
        yield from ()
        return work()

    return lanes.submit(operation(), Observation(), model, size=size)
