"""A model runs in the event loop once it has been measured quick, and while it stays so."""

import gc
from collections.abc import Sequence

import numpy as np
import pytest

from lading.functions.inference.entry.quick_models import (
    MOST_SLOW,
    QUICK_S,
    RUNS,
    SLOW_S,
    QuickModels,
)
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array


class Model(Predictor):
    """A model that is only looked up."""

    metadata = ModelMetadata("m", 1, "python", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        return {**inputs, **dict.fromkeys(outputs, np.zeros(1))}


def measured(*seconds: float) -> bool:
    quick, model = QuickModels(), Model()
    for each in seconds:
        quick.note(model, each)
    return model in quick


@pytest.mark.parametrize(
    ("seconds", "is_quick"),
    [
        ([], False),
        ([QUICK_S / 2] * (RUNS - 1), False),
        ([QUICK_S / 2] * RUNS, True),
        ([1.0] * (RUNS - 1) + [QUICK_S / 2], True),
        ([QUICK_S] * RUNS, False),
        ([QUICK_S] * RUNS + [QUICK_S / 2], False),
        ([QUICK_S] * RUNS + [QUICK_S / 2] * RUNS, True),
        ([0.0] * RUNS + [SLOW_S] * (MOST_SLOW - 1), True),
        ([0.0] * RUNS + [SLOW_S] * MOST_SLOW, False),
        ([0.0] * RUNS + [SLOW_S] * MOST_SLOW + [0.0] * RUNS, True),
    ],
)
def test_a_model_is_quick_by_its_best_run_until_it_is_slow_too_often(
    seconds: list[float], is_quick: bool
) -> None:
    assert measured(*seconds) is is_quick


def test_each_model_is_measured_by_itself_and_not_kept() -> None:
    quick, one, other = QuickModels(), Model(), Model()
    for _ in range(RUNS):
        quick.note(one, 0.0)
    assert one in quick
    assert other not in quick
    del one
    gc.collect()
    assert not quick._paces
