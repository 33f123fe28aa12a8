"""A batch by a model's function: what its parts are, and what they cost."""

from dataclasses import replace
from pathlib import Path

import pytest

from lading.batch.cost import FunctionPrice
from lading.cli.aws.batches.function_run import CloudFunction
from lading.functions.inference.models.predictor import ModelMetadata
from tests.support.batches import batch

PRICE = FunctionPrice(0.0, 1.0, 1.0, transition=0.0, write=0.0, read=0.0)
"""A dollar for each part."""
QUICK = CloudFunction(ModelMetadata("m", 1, "", (), ()), PRICE, row_ms=0.01, timeout_s=30)
SLOW = replace(QUICK, row_ms=1000.0)


@pytest.mark.parametrize(
    ("source", "most"), [("s3://b/rows.jsonl", 500), ("s3://b/photos", 16), ("rows.jsonl", 4096)]
)
def test_every_part_ends_in_time_and_is_paid_for(tmp_path: Path, source: str, most: int) -> None:
    wanted = batch(tmp_path, source, "out.jsonl", "sha256:0")
    assert QUICK.rows_of_a_part(wanted) == most
    assert QUICK.estimate(wanted, 8192) == -(-8192 // most)
    assert SLOW.rows_of_a_part(wanted) == 9  # of a second each, in a third of 30
    assert SLOW.estimate(wanted, 90) == 10
