from pathlib import Path

from lading.model_packaging.errors import ConversionMismatch
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.simplify import OPTIMIZER
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_bytes, linear_spec
from tests.model_packaging.optimizers.test_simplification import transposed
from tests.model_packaging.trials import trial_of

SPEC = ModelSpec("linear", Path("linear.onnx"))


def optimize(model: bytes, *, differs: bool = False) -> Optimized:
    def compare(candidate: bytes) -> int:
        if differs:
            raise ConversionMismatch("linear", "scores", "differs in 3 of 64 rows")
        return len(candidate)

    return OPTIMIZER.optimize(Task(SPEC, lambda _: None, compare, trial_of(model)), model)


def test_it_tells_how_many_nodes_and_bytes_are_left() -> None:
    model = transposed().SerializeToString()
    done = optimize(model)
    assert done.facts == {"nodes": 1}
    assert done.outcome == f"4 to 1 nodes, {len(model):,} to {len(done.model):,} bytes"


def test_a_graph_with_nothing_to_fold_is_no_step() -> None:
    model = linear_bytes()
    assert optimize(model) == Optimized(model, "unchanged: there are no constants to fold")


def test_what_answers_differently_is_not_kept() -> None:
    model = transposed().SerializeToString()
    done = optimize(model, differs=True)
    assert (done.model, done.facts) == (model, {})
    assert done.outcome == "unchanged: the simplified model differs in 3 of 64 rows"


def test_it_is_for_onnx_files() -> None:
    assert OPTIMIZER.applies(SPEC)
    assert not OPTIMIZER.applies(ModelSpec("linear", Path("linear.keras")))


def test_the_step_is_written_into_the_artifact_before_what_it_helps(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path, quantize=QuantizeSpec("dynamic"))
    spec.source.write_bytes(transposed().SerializeToString())
    store = LocalStore(tmp_path / "store")
    package(spec, store, tmp_path / "models.lock.json")
    steps = store.open("linear", 1, None).artifact.specification["steps"]
    assert [step["step"] for step in steps] == ["convert", "simplify", "quantize"]
    assert steps[1]["nodes"] == 1
