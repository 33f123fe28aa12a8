"""Requests are joined only for models whose artifact allows it."""

from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.predictor import Batching
from lading.functions.inference.models.session_predictor import open_onnx
from tests.support.worlds import add_sub, brain_doubled, constant, write_artifact, write_signed

SAME = {"largest_difference": 0.0, "largest_relative_difference": 0.0, "label_flips": 0}
MEASURED = {"rows": 64, "sizes": [2, 8, 32], **SAME, "beside_unusual_rows": SAME}


def batching(root: Path, model: bytes, **changes: Any) -> Batching | None:
    write_artifact(root, "m", 1, model, **changes)
    return open_onnx(read_artifact(root / "models" / "m" / "1"), 1).batching


def test_a_model_is_joined_where_other_rows_were_measured_to_change_nothing(tmp_path: Path) -> None:
    assert batching(tmp_path, add_sub(), batch=MEASURED) == Batching(16, 0.0)


def test_a_model_that_was_not_measured_is_not_joined(tmp_path: Path) -> None:
    assert batching(tmp_path, add_sub()) is None


@pytest.mark.parametrize("name", sorted(SAME))
@pytest.mark.parametrize("unusual", [False, True], ids=["usual rows", "unusual rows"])
def test_a_model_whose_answers_depend_on_other_rows_is_not_joined(
    tmp_path: Path, name: str, unusual: bool
) -> None:
    apart = {**SAME, name: 1}
    measured = {**MEASURED, **({"beside_unusual_rows": apart} if unusual else apart)}
    assert batching(tmp_path, add_sub(), batch=measured) is None


def test_the_manifest_may_wish_it_all_the_same(tmp_path: Path) -> None:
    wished = {"most_rows": 32, "longest_wait_ms": 2.5}
    assert batching(tmp_path, add_sub(), batching=wished) == Batching(32, 0.0025)


def test_the_manifest_may_forbid_it(tmp_path: Path) -> None:
    alone = {"most_rows": 1, "longest_wait_ms": 0}
    assert batching(tmp_path, add_sub(), batch=MEASURED, batching=alone) is None


@pytest.mark.parametrize(
    "model", [constant(), brain_doubled()], ids=["a fixed first axis", "bfloat16"]
)
def test_a_model_whose_tensors_have_no_rows_to_join_is_not_joined(
    tmp_path: Path, model: bytes
) -> None:
    assert batching(tmp_path, model, batch=MEASURED) is None


def test_a_batching_that_cannot_be_read_joins_nothing(tmp_path: Path) -> None:
    assert batching(tmp_path, add_sub(), batch=MEASURED, batching={"most_rows": 4}) is None


def test_only_the_default_signature_was_measured(tmp_path: Path) -> None:
    write_signed(tmp_path, "m", 1, {"first": add_sub(), "second": add_sub()}, {"other": "first"})
    predictor = open_onnx(read_artifact(tmp_path / "models" / "m" / "1"), 1)
    assert {name: each.batching for name, each in predictor.signatures.items()} == {
        "first": None,
        "second": None,
        "other": None,
    }
