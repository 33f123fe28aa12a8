"""Admission keeps every limit, in every order of events, and loses no count."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lading.functions.contract.errors import Overloaded
from lading.functions.inference.lanes.admission import Admission, LaneState, Noted
from lading.functions.inference.lanes.deadline import NEVER, within
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.lanes.turn import Turn
from lading.functions.inference.models.predictor import Batching
from lading.functions.inference.wire.messages import Observation
from tests.support.predictors import Echo

LIMITS = LaneLimits(
    most_waiting=3, most_waiting_in_all=5, most_bytes=100, most_bytes_in_all=150, threads=2
)
MODELS = st.sampled_from(["a", "b", "c"])
PREDICTORS = {name: Echo(name, "FP32", 1) for name in "abc"}


def nothing() -> Any:
    yield from ()


def quick(model: str) -> Admission:
    """An admission that has seen quick runs of a model."""
    admission = Admission(LIMITS)
    for _ in range(5):
        admission.note_run(PREDICTORS[model], Noted(1, 0.0001))
    return admission


def new(admission: Admission, size: int = 1) -> Turn[Any]:
    return Turn(nothing(), Observation(), size, NEVER, admission.withdraw)


def entered(admission: Admission, model: str, size: int = 1) -> Turn[Any]:
    turn = new(admission, size)
    admission.enter(turn, model)
    turn.add_done_callback(lambda _: admission.release(turn))
    return turn


def state(admission: Admission, model: str) -> LaneState:
    return next(each for each in admission.states() if each.model == model)


def test_the_next_in_a_lane_is_the_first_that_came() -> None:
    admission = Admission(LIMITS)
    turns = [entered(admission, "a") for _ in range(3)]
    assert [admission.next("a") for _ in range(3)] == [[turn] for turn in turns]
    assert admission.next("a") == []


def test_a_lane_takes_as_many_as_its_model_allows() -> None:
    admission = Admission(LIMITS)
    turns = [entered(admission, "a") for _ in range(3)]
    admission.allow("a", Batching(2))
    assert [admission.next("a"), admission.next("a")] == [turns[:2], turns[2:]]


def test_a_run_is_awaited_until_it_is_full() -> None:
    admission = Admission(LIMITS)
    admission.allow("a", Batching(2, longest_wait_s=600))
    first = entered(admission, "a")
    with ThreadPoolExecutor(1) as thread:
        taken = thread.submit(admission.next, "a")
        second = entered(admission, "a")
        assert taken.result(20) == [first, second]


def test_a_run_is_awaited_no_longer_than_half_of_a_callers_time() -> None:
    admission = Admission(LIMITS)
    admission.allow("a", Batching(2, longest_wait_s=600))
    turn = Turn(nothing(), Observation(), 1, within(0.05), admission.withdraw)
    admission.enter(turn, "a")
    assert admission.next("a") == [turn]


def test_a_thread_that_waits_for_others_ends_when_the_only_caller_leaves() -> None:
    admission = Admission(LIMITS)
    admission.allow("a", Batching(2, longest_wait_s=600))
    turn = entered(admission, "a")
    with ThreadPoolExecutor(1) as thread:
        taken = thread.submit(admission.next, "a")
        assert turn.cancel()
        assert taken.result(20) == []


def test_a_model_that_waits_for_others_does_not_run_in_the_callers_thread() -> None:
    admission = quick("a")
    admission.allow("a", Batching(2, longest_wait_s=0.001))
    assert not admission.begin(PREDICTORS["a"], 1)


def test_what_comes_after_the_limit_is_refused_and_changes_nothing() -> None:
    admission = Admission(LIMITS)
    for _ in range(3):
        entered(admission, "a")
    with pytest.raises(Overloaded, match="model 'a' is overloaded: 3 requests wait for it; retry"):
        entered(admission, "a")
    assert state(admission, "a")[1:3] == (3, 3)
    assert state(admission, "a").refused == 1


def test_the_limit_for_all_models_counts_every_lane() -> None:
    admission = Admission(LIMITS)
    for model in ("a", "a", "b", "b", "c"):
        entered(admission, model)
    with pytest.raises(Overloaded, match="5 requests wait for all models"):
        entered(admission, "c")


def test_bytes_count_until_the_answer_and_not_only_while_they_wait() -> None:
    admission = Admission(LIMITS)
    first = entered(admission, "a", 90)
    assert admission.next("a") == [first]
    with pytest.raises(Overloaded, match="its requests hold 90 bytes of 100"):
        entered(admission, "a", 20)
    with pytest.raises(Overloaded, match="all requests hold 90 bytes of 150"):
        entered(admission, "b", 70)
    first.set_result(None)
    entered(admission, "a", 20)


def test_a_body_over_the_limit_is_admitted_where_nothing_else_is_held() -> None:
    admission = Admission(LIMITS)
    entered(admission, "a", 1000)
    assert state(admission, "a").held_bytes == 1000


def test_a_caller_that_leaves_makes_room_at_once() -> None:
    admission = Admission(LIMITS)
    turns = [entered(admission, "a", 30) for _ in range(3)]
    assert turns[1].cancel()
    assert state(admission, "a")[1:3] == (2, 60)
    assert state(admission, "a").abandoned == 1
    entered(admission, "a", 30)
    assert [admission.next("a")[0] for _ in range(2)] == [turns[0], turns[2]]


def test_the_time_to_retry_is_that_of_what_waits() -> None:
    admission = Admission(LIMITS)
    for _ in range(3):
        entered(admission, "a")
    admission.note_run(PREDICTORS["a"], Noted(1, 4.0))
    with pytest.raises(Overloaded) as refused:
        entered(admission, "a")
    assert refused.value.retry_after_s == 6  # three runs of 4 seconds on two threads


def test_a_run_in_the_callers_thread_is_refused_while_others_wait_or_run() -> None:
    admission = quick("a")
    assert admission.begin(PREDICTORS["a"], 10)
    assert admission.begin(PREDICTORS["a"], 10)
    assert not admission.begin(PREDICTORS["a"], 10)
    turn = new(admission)
    assert not admission.enter(turn, "a"), "all threads are busy"
    assert admission.end(PREDICTORS["a"], 10, [Noted(1, 0.1)]), (
        "a thread should serve what came meanwhile"
    )
    assert not admission.begin(PREDICTORS["a"], 10)
    assert admission.next("a") == [turn]


def test_a_model_may_take_longer_while_its_caller_is_the_only_one() -> None:
    admission = quick("b")
    for _ in range(5):
        admission.note_run(PREDICTORS["a"], Noted(1, 0.005))
    assert not admission.begin(PREDICTORS["a"], 1)
    assert admission.begin(PREDICTORS["a"], 1, alone=True)
    assert not admission.begin(PREDICTORS["a"], 1, alone=True), "it runs already"
    admission.end(PREDICTORS["a"], 1, [Noted(1, 0.005)])
    assert admission.begin(PREDICTORS["b"], 1)
    assert not admission.begin(PREDICTORS["a"], 1, alone=True), "another model runs"


def test_another_version_under_the_same_name_has_to_be_measured_itself() -> None:
    admission = quick("a")
    later = Echo("a", "FP32", 1)
    assert not admission.begin(later, 1)
    for _ in range(5):
        admission.note_run(later, Noted(1, 0.5))
    assert not admission.begin(later, 1)
    assert admission.begin(PREDICTORS["a"], 1), "the first is still loaded"


def test_work_that_moves_to_a_full_lane_stays_where_it_was() -> None:
    admission = Admission(LIMITS)
    turn = entered(admission, "", 7)
    admission.next("")
    for _ in range(3):
        entered(admission, "a")
    with pytest.raises(Overloaded):
        admission.move(turn, "a")
    assert (state(admission, "").held_bytes, state(admission, "a").held_bytes) == (7, 3)


class AdmissionMachine(RuleBasedStateMachine):
    """Callers come and leave, threads take and finish, in any order; a list is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.admission = quick("a")
        self.waiting: dict[str, list[Turn[Any]]] = defaultdict(list)
        self.taken: list[Turn[Any]] = []
        self.serving: dict[str, int] = defaultdict(int)
        self.inline: list[tuple[str, int]] = []

    def running(self, model: str) -> int:
        return self.serving[model] + sum(1 for other, _ in self.inline if other == model)

    def held(self, model: str) -> int:
        turns = [*self.waiting[model], *(turn for turn in self.taken if turn.lane == model)]
        return sum(turn.size for turn in turns) + sum(s for m, s in self.inline if m == model)

    def fits(self, model: str, size: int) -> bool:
        held, in_all = self.held(model), sum(map(self.held, "abc"))
        return (
            len(self.waiting[model]) < 3
            and sum(map(len, self.waiting.values())) < 5
            and (not held or held + size <= 100)
            and (not in_all or in_all + size <= 150)
        )

    @rule(model=MODELS, size=st.integers(0, 120))
    def come(self, model: str, size: int) -> None:
        turn, fits = new(self.admission, size), self.fits(model, size)
        try:
            start = self.admission.enter(turn, model)
        except Overloaded:
            assert not fits
            return
        assert fits
        assert start == (self.running(model) < 2)
        self.serving[model] += start
        turn.add_done_callback(lambda _: self.admission.release(turn))
        self.waiting[model].append(turn)

    @precondition(lambda self: any(self.serving.values()))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        busy = sorted(model for model, count in self.serving.items() if count)
        model = data.draw(st.sampled_from(busy))
        turns = self.admission.next(model)
        assert turns == self.waiting[model][:1]
        del self.waiting[model][:1]
        self.taken += turns
        self.serving[model] -= not turns

    @precondition(lambda self: any(self.waiting.values()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        lanes = sorted(model for model, turns in self.waiting.items() if turns)
        turns = self.waiting[data.draw(st.sampled_from(lanes))]
        assert turns.pop(data.draw(st.integers(0, len(turns) - 1))).cancel()

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1))).set_result(None)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), model=MODELS)
    def move(self, data: st.DataObject, model: str) -> None:
        place = data.draw(st.integers(0, len(self.taken) - 1))
        turn = self.taken.pop(place)
        if self.fits(model, turn.size):
            self.serving[model] += self.admission.move(turn, model)
            self.waiting[model].append(turn)
        else:
            with pytest.raises(Overloaded):
                self.admission.move(turn, model)
            self.taken.append(turn)

    @rule(model=MODELS, size=st.integers(0, 120))
    def begin(self, model: str, size: int) -> None:
        free = (
            model == "a"
            and not self.waiting[model]
            and self.running(model) < 2
            and self.fits(model, size)
        )
        assert self.admission.begin(PREDICTORS[model], size) == free
        if free:
            self.inline.append((model, size))

    @precondition(lambda self: self.inline)
    @rule()
    def end(self) -> None:
        model, size = self.inline.pop()
        serve = self.admission.end(PREDICTORS[model], size, [Noted(1, 0.001)])
        assert serve == bool(self.waiting[model])
        self.serving[model] += serve

    @invariant()
    def counts_agree(self) -> None:
        for found in self.admission.states():
            model = found.model
            assert found.waiting == len(self.waiting[model]) <= 3
            assert found.held_bytes == self.held(model)
            assert found.running == self.running(model) <= 2
        assert sum(map(len, self.waiting.values())) <= 5

    @invariant()
    def nothing_waits_without_a_thread(self) -> None:
        assert all(self.running(model) for model, turns in self.waiting.items() if turns)


TestAdmission = AdmissionMachine.TestCase
TestAdmission.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
