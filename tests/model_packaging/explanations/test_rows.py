"""The background has as many rows as budget and file allow, and whole batches of a fixed size."""

from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable, ManifestError
from lading.model_packaging.explanations.rows import choose_background
from lading.model_packaging.manifest.explaining import ExplainSpec
from tests.model_packaging.models import linear_spec


def chosen(
    folder: Path, explain: ExplainSpec, rows: int, columns: int = 3, batch: int | None = 0
) -> int:
    """The number of background rows that are chosen of so many."""
    inputs = {"x": np.random.default_rng(0).normal(size=(rows, columns))}
    samples = Samples("m", "rows.npz", inputs, rows, batch)
    found = choose_background(linear_spec(folder, explain=explain), samples, columns)
    return len(found["x"])


def test_the_manifest_the_budget_and_the_rows_limit_the_background(tmp_path: Path) -> None:
    assert chosen(tmp_path, ExplainSpec(background=20), 50) == 20
    assert chosen(tmp_path, ExplainSpec(), 50) == 50
    assert chosen(tmp_path, ExplainSpec(budget=100), 50) == 14  # 1 + 14 (1 + 6)
    assert chosen(tmp_path, ExplainSpec(), 1) == 1


def test_rows_that_are_long_are_fewer(tmp_path: Path) -> None:
    assert chosen(tmp_path, ExplainSpec(), 100, 2000) == 16


@pytest.mark.parametrize(("background", "count"), [(2, 8), (20, 16), (100, 24)])
def test_a_fixed_batch_has_whole_batches(tmp_path: Path, background: int, count: int) -> None:
    assert chosen(tmp_path, ExplainSpec(background=background), 24, batch=8) == count


def test_a_fixed_batch_of_too_many_rows_for_the_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="must be at least 449 for 3 features"):
        chosen(tmp_path, ExplainSpec(budget=400), 128, batch=64)


@pytest.mark.parametrize("batch", [0, 8])
def test_rows_that_are_too_long_are_refused(tmp_path: Path, batch: int) -> None:
    with pytest.raises(DataUnusable, match="has rows that are too long for explanations"):
        chosen(tmp_path, ExplainSpec(budget=1 << 24), 16, 60_000, batch)
