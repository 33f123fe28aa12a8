"""The lanes run what waits, in order, and never what nobody wants any more."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event, current_thread
from time import monotonic
from typing import Any

import pytest

from lading.functions.contract.errors import CallerGone, DeadlinePassed, InvalidInput, Overloaded
from lading.functions.inference.lanes.admission import LaneState
from lading.functions.inference.lanes.deadline import Deadline
from lading.functions.inference.lanes.joining import Asked
from lading.functions.inference.lanes.lanes import MOST_DECODED_BYTES, Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.models.predictor import Batching
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation
from tests.support.operations import make_quick, predict, run
from tests.support.predictors import PATIENCE, Gated

ONE = LaneLimits(threads=1, most_waiting=4)
PAST = Deadline(0.0)


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    with Lanes(ONE) as opened:
        yield opened


@pytest.fixture
def slow() -> Iterator[Callable[..., Gated]]:
    """Makes models whose runs wait until the test opens their gate, or ends."""
    made = []

    def make(name: str, batching: Batching | None = None) -> Gated:
        made.append(Gated(name, batching))
        made[-1].gate.clear()
        return made[-1]

    yield make
    for each in made:
        each.gate.set()


def wait(turn: Future[Any]) -> Any:
    return turn.result(PATIENCE)


def number(turn: Future[dict[str, Array]]) -> list[float]:
    found: list[float] = wait(turn)["x"][:, 0].tolist()
    return found


def state(lanes: Lanes, model: str) -> LaneState:
    return next(each for each in lanes.states() if each.model == model)


def occupied(lanes: Lanes, model: Gated) -> Future[dict[str, Array]]:
    """Let the one thread of a model's lane wait in a run."""
    turn = predict(lanes, model.asked(0))
    assert model.entered.wait(PATIENCE)
    return turn


def quick(lanes: Lanes, name: str) -> Gated:
    """A model whose runs have been quick so far."""
    return make_quick(lanes, Gated(name))


def test_an_operation_decodes_predicts_and_encodes_in_one_thread(lanes: Lanes) -> None:
    model, seen = Gated("m"), list[str]()

    def operation() -> Any:
        seen.append(current_thread().name)
        arrays = yield model.asked(1)
        seen.append(current_thread().name)
        return f"encoded {arrays['x'].tolist()}"

    observation = Observation()
    assert wait(lanes.submit(operation(), observation, "m", size=10)) == "encoded [[2.0]]"
    assert len(set(seen)) == 1
    assert seen[0].startswith("prediction")
    assert observation.compute_started is not None
    assert observation.compute_ended is not None


def test_predictions_are_answered_in_the_order_in_which_they_came(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    turns = [occupied(lanes, model)]
    turns += [predict(lanes, model.asked(value)) for value in (1, 2, 3)]
    model.gate.set()
    assert [number(turn) for turn in turns] == [[1], [2], [3], [4]]
    assert model.runs == [[0], [1], [2], [3]]


def test_a_full_lane_refuses_at_once_and_another_model_answers_meanwhile(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model, fast = slow("slow"), Gated("fast")
    occupied(lanes, model)
    waiting = [predict(lanes, model.asked(1)) for _ in range(4)]
    with pytest.raises(Overloaded, match="model 'slow' is overloaded: 4 requests wait for it"):
        predict(lanes, model.asked(1))
    assert number(predict(lanes, fast.asked(5))) == [6]
    assert not any(turn.done() for turn in waiting)
    model.gate.set()
    assert [number(turn) for turn in waiting] == [[2]] * 4
    assert number(predict(lanes, model.asked(2))) == [3], "it recovers by itself"


def test_work_whose_caller_left_is_never_started(lanes: Lanes, slow: Callable[..., Gated]) -> None:
    model, started = slow("m"), Event()

    def operation() -> Any:
        started.set()
        yield model.asked(1)

    first = occupied(lanes, model)
    turn = lanes.submit(operation(), Observation(), "m", size=100)
    assert turn.cancel()
    assert state(lanes, "m").held_bytes == 0
    model.gate.set()
    assert number(first) == [1]
    assert number(predict(lanes, model.asked(2))) == [3]
    with pytest.raises(CancelledError):
        wait(turn)
    assert not started.is_set()
    assert state(lanes, "m").abandoned == 1


def test_work_whose_deadline_passed_is_never_started(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    first = occupied(lanes, model)
    turn = predict(lanes, model.asked(1), deadline=PAST)
    model.gate.set()
    with pytest.raises(DeadlinePassed, match=r"passed after .* s in the queue of model 'm'"):
        wait(turn)
    number(first)
    assert model.runs == [[0]]
    assert state(lanes, "m").expired == 1


def test_a_deadline_that_passes_while_a_request_is_decoded_counts_too(lanes: Lanes) -> None:
    model = Gated("m")

    def operation() -> Any:
        turn.deadline = PAST  # as time does
        try:
            yield model.asked(1)
        except DeadlinePassed as error:
            return f"refused: {error}"

    decoding = Event()
    run(lanes, lambda: decoding.wait(PATIENCE), "m")
    turn = lanes.submit(operation(), Observation(), "m")
    decoding.set()
    assert wait(turn).startswith("refused: the deadline of the request passed")
    assert model.runs == []


def test_the_timeout_that_a_request_states_in_its_body_counts_from_its_arrival(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    first = occupied(lanes, model)
    turns = [
        predict(lanes, model.asked(1)._replace(timeout_us=timeout))
        for timeout in (1, 3_600_000_000)
    ]
    model.gate.set()
    number(first)
    with pytest.raises(DeadlinePassed):
        wait(turns[0])
    assert number(turns[1]) == [2]


def test_work_of_an_unknown_model_moves_to_its_models_lane(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model, fast = slow("slow"), Gated("fast")

    def operation(of: Gated) -> Any:
        return (yield of.asked(1))

    occupied(lanes, model)
    behind = lanes.submit(operation(model), Observation(), size=9)
    assert number(lanes.submit(operation(fast), Observation())) == [2]
    assert not behind.done()
    assert (state(lanes, "").held_bytes, state(lanes, "slow").held_bytes) == (0, 9)
    model.gate.set()
    assert number(behind) == [2]


def test_the_operation_itself_learns_that_its_models_lane_is_full(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    occupied(lanes, model)
    for _ in range(4):
        predict(lanes, model.asked(1))

    def operation() -> Any:
        try:
            yield model.asked(1)
        except Overloaded as error:
            return f"503: {error}"

    found = wait(lanes.submit(operation(), Observation(), size=9))
    assert found.startswith("503: model 'm' is overloaded")
    assert state(lanes, "").held_bytes == 0


def test_moved_work_whose_caller_left_does_not_reach_the_model(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model, errors = slow("m"), list[Exception]()

    def operation() -> Any:
        try:
            yield model.asked(7)
        except CallerGone as error:
            errors.append(error)
            raise

    first = occupied(lanes, model)
    turn = lanes.submit(operation(), Observation())
    wait(run(lanes, lambda: None))  # behind it in its first lane
    assert turn.cancel()
    assert state(lanes, "m").waiting == 0
    with pytest.raises(CallerGone):
        wait(turn)
    model.gate.set()
    number(first)
    assert model.runs == [[0]]
    assert len(errors) == 1


def test_what_gathers_during_a_run_shares_the_next_one(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m", Batching(3))
    turns = [occupied(lanes, model)]
    turns += [predict(lanes, model.asked(value)) for value in (1, 2, 3, 4)]
    model.gate.set()
    assert [number(turn) for turn in turns] == [[1], [2], [3], [4], [5]]
    assert model.runs == [[0], [1, 2, 3], [4]]
    assert state(lanes, "m").joined == 3


def test_requests_that_are_large_once_unpacked_are_not_all_decoded_before_a_run(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    """What they hold is charged as it came, and may be a thousand times larger."""
    model, decoded = slow("m", Batching(4)), list[list[list[float]]]()
    observations = [Observation() for _ in range(4)]

    def operation(value: int) -> Any:
        decoded.append(list(model.runs))
        observations[value - 1].unpacked = MOST_DECODED_BYTES // 2
        yield model.asked(value)

    first = occupied(lanes, model)
    for value in (1, 2, 3, 4):
        lanes.submit(operation(value), observations[value - 1], "m")
    model.gate.set()
    wait(first)
    lanes.close()
    assert model.runs == [[0], [1, 2], [3, 4]]
    assert decoded == [[[0]], [[0]], [[0], [1, 2]], [[0], [1, 2]]]


def test_one_request_that_fails_in_a_shared_run_fails_alone(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m", Batching(8))
    first = occupied(lanes, model)
    turns = [predict(lanes, model.asked(value)) for value in (1, -2, 3)]
    model.gate.set()
    number(first)
    with pytest.raises(InvalidInput, match="is negative"):
        wait(turns[1])
    assert [number(turns[0]), number(turns[2])] == [[2], [4]]
    assert model.runs == [[0], [1, -2, 3], [1], [-2], [3]]


def test_joining_can_be_switched_off_for_a_server(slow: Callable[..., Gated]) -> None:
    model = slow("m", Batching(8))
    with Lanes(LaneLimits(threads=1, most_rows=1)) as lanes:
        turns = [occupied(lanes, model)]
        turns += [predict(lanes, model.asked(value)) for value in (1, 2)]
        model.gate.set()
        assert [number(turn) for turn in turns] == [[1], [2], [3]]
    assert model.runs == [[0], [1], [2]]


def test_an_error_of_the_operation_is_that_of_its_future(lanes: Lanes) -> None:
    def operation() -> Any:
        yield from ()
        raise InvalidInput("x", "is wrong")

    with pytest.raises(InvalidInput, match="is wrong"):
        wait(lanes.submit(operation(), Observation(), "m"))
    assert wait(run(lanes, lambda: 5, "m")) == 5, "its thread lives on"


def test_an_operation_that_predicts_twice_is_a_fault(lanes: Lanes) -> None:
    model = Gated("m")

    def operation() -> Any:
        yield model.asked(1)
        yield model.asked(2)

    with pytest.raises(RuntimeError, match="must predict once"):
        wait(lanes.submit(operation(), Observation(), "m"))


def test_a_run_in_the_callers_thread_lets_others_gather_and_then_serves_them(lanes: Lanes) -> None:
    model = quick(lanes, "m")
    before = state(lanes, "m").runs
    asked = [Asked(model.asked(7), Observation())]
    model.gate.clear()
    model.entered.clear()
    with ThreadPoolExecutor(1) as caller:
        here = caller.submit(lanes.predict_here, model, asked, 5)
        assert model.entered.wait(PATIENCE)
        turn = predict(lanes, model.asked(1))
        assert lanes.predict_here(model, asked, 5) is None
        assert not turn.done()
        model.gate.set()
    (outcome,) = (here.result() or {}).values()
    assert isinstance(outcome, dict)
    assert outcome["x"].tolist() == [[8]]
    assert number(turn) == [2]
    assert state(lanes, "m").runs == before + 2


@pytest.mark.parametrize(
    ("batching", "runs", "joined"), [(None, 3, 0), (Batching(8), 1, 3), (Batching(2), 2, 2)]
)
def test_only_requests_that_shared_a_run_count_as_joined(
    lanes: Lanes, batching: Batching | None, runs: int, joined: int
) -> None:
    model = quick(lanes, "m")
    model.allowed = batching
    before = state(lanes, "m")
    found = lanes.predict_here(model, [Asked(model.asked(it), Observation()) for it in range(3)])
    after = state(lanes, "m")
    assert found is not None
    assert sorted(found) == [0, 1, 2]
    assert (after.runs - before.runs, after.joined - before.joined) == (runs, joined)
    assert after.admitted - before.admitted == 3


def test_a_quick_model_runs_in_the_callers_thread_and_another_in_its_lane(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    threads = list[str]()

    def operation(of: Gated) -> Any:
        threads.append(current_thread().name)
        arrays = yield of.asked(1)
        threads.append(current_thread().name)
        return arrays

    model, other = quick(lanes, "quick"), slow("slow")
    turn = lanes.decode(operation(model), Observation())
    later = lanes.decode(operation(other), Observation(), size=5)
    lanes.predict_decoded([turn, later])
    assert turn.done()
    assert number(turn) == [2]
    assert not later.done()
    other.gate.set()
    assert number(later) == [2]
    here = current_thread().name
    assert threads[:3] == [here] * 3
    assert threads[-1].startswith("prediction")


def test_a_decoded_operation_learns_that_its_lane_is_full_or_its_deadline_passed(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    occupied(lanes, model)
    for _ in range(4):
        predict(lanes, model.asked(1))

    def operation() -> Any:
        try:
            yield model.asked(1)
        except (Overloaded, DeadlinePassed) as error:
            return type(error).__name__

    turn = lanes.decode(operation(), Observation())
    lanes.predict_decoded([turn])
    assert wait(turn) == "Overloaded"
    assert wait(lanes.decode(operation(), Observation(), deadline=PAST)) == "DeadlinePassed"


def test_what_is_decoded_together_shares_a_run(lanes: Lanes) -> None:
    model = quick(lanes, "m")
    model.allowed = Batching(8)
    model.runs.clear()

    def operation(value: float) -> Any:
        return (yield model.asked(value))

    turns = [lanes.decode(operation(value), Observation()) for value in (1, -2, 3)]
    lanes.predict_decoded(turns)
    assert [number(turns[0]), number(turns[2])] == [[2], [4]]
    with pytest.raises(InvalidInput):
        wait(turns[1])
    assert model.runs == [[1, -2, 3], [1], [-2], [3]]


def test_the_rest_of_an_admitted_request_is_never_refused(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    occupied(lanes, model)
    for _ in range(4):
        predict(lanes, model.asked(1))
    part = lanes.executor("m").submit(lambda text: text, "part")
    model.gate.set()
    assert wait(part) == "part"


def test_the_state_tells_how_long_the_first_has_waited(
    lanes: Lanes, slow: Callable[..., Gated]
) -> None:
    model = slow("m")
    occupied(lanes, model)
    before = monotonic()
    predict(lanes, model.asked(1), size=3)
    found = state(lanes, "m")
    assert (found.waiting, found.running, found.held_bytes, found.admitted) == (1, 1, 3, 2)
    assert 0 < found.oldest_wait_s <= monotonic() - before
