"""The progress counts this run's pace, and all rows."""

from lading.batch.progress import Meter, Progress
from lading.batch.work import ChunkRecord


def test_the_pace_is_that_of_this_run_and_the_time_left_that_of_the_rest() -> None:
    times = iter([10.0, 12.0, 15.0])
    told: list[Progress] = []
    before = [ChunkRecord(0, 0, 50, 1, 200)]
    meter = Meter(1000, before, told.append, lambda: next(times))
    meter.note(ChunkRecord(1, 50, 50, 0, 200))
    meter.note(ChunkRecord(2, 100, 100, 2, 600))
    assert told == [Progress(100, 1, 0.4, 25.0, 6.0), Progress(200, 3, 1.0, 30.0, 0.0)]
