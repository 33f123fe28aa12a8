from pathlib import Path

from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from tests.model_packaging.trials import trial_of
from tests.support.worlds import echo

SPEC = ModelSpec("m", Path("m.onnx"))


def compare(model: bytes) -> int:
    if model == b"other":
        raise ConversionError("m", "differs in 3 rows")
    return 7


def test_a_task_says_how_a_candidate_differs_and_nothing_when_it_agrees() -> None:
    task = Task(SPEC, lambda _: None, compare, trial_of(echo()))
    assert task.difference(b"same") == ""
    assert task.difference(b"other") == "differs in 3 rows"


def test_a_result_without_facts_is_not_mentioned() -> None:
    assert Optimized(b"model", "not needed").facts == {}
