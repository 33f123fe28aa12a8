"""Batches never use all of the concurrency that is reserved for a function."""

import pytest

from lading.stacks.stages.batch import BatchSettings, bounded_concurrency


@pytest.mark.parametrize(
    ("wanted", "reserved", "most"),
    [(None, None, 10), (30, None, 30), (None, 20, 10), (19, 20, 19), (None, 2, 1)],
)
def test_batches_use_what_is_wanted_or_half(
    wanted: int | None, reserved: int | None, most: int
) -> None:
    assert bounded_concurrency(BatchSettings(concurrency=wanted), reserved) == most


@pytest.mark.parametrize(("wanted", "reserved"), [(5, 5), (9, 5), (None, 1)])
def test_what_would_starve_live_callers_is_refused(wanted: int | None, reserved: int) -> None:
    with pytest.raises(ValueError, match="must be below reserved_concurrency"):
        bounded_concurrency(BatchSettings(concurrency=wanted), reserved)


@pytest.mark.parametrize("place", ["my-bucket/rows", "s3://", "s3://UPPER/x", "s3://b c/x"])
def test_a_place_that_is_not_in_s3_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="inputs"):
        BatchSettings(inputs=(place,))
