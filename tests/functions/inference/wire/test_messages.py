"""An observation tells the times."""

from lading.functions.inference.wire.messages import Observation


def test_times_add_up_once_the_answer_is_out() -> None:
    seen = Observation(started=1.0, compute_started=1.25, compute_ended=2.0)
    assert seen.milliseconds() == {}
    seen.ended = 2.5
    assert seen.milliseconds() == {"total": 1500, "decode": 250, "compute": 750, "encode": 500}
    assert Observation(started=1.0, ended=2.0).milliseconds() == {"total": 1000}


def test_the_end_is_recorded_once() -> None:
    seen = Observation()
    seen.finish()
    ended, times = seen.ended, seen.milliseconds()
    seen.finish()
    assert seen.ended == ended
    assert seen.milliseconds() == times
