from pathlib import Path

import onnx
import pytest

from lading.model_packaging.errors import ManifestError, PruningError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec
from lading.model_packaging.manifest.recovering import RecoverSpec
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.prune import OPTIMIZER
from tests.model_packaging.pruning.networks import dense, residual
from tests.model_packaging.trials import trial_of
from tests.support.worlds import echo


def prune(asked: PruneSpec, model: bytes, quantize: QuantizeSpec | None = None) -> Optimized:
    spec = ModelSpec("net", Path("n.onnx"), prune=asked, quantize=quantize or QuantizeSpec())
    return OPTIMIZER.optimize(Task(spec, lambda _: None, len, trial_of(model)), model)


def test_structured_pruning_makes_a_smaller_model() -> None:
    model = dense().SerializeToString()
    done = prune(PruneSpec("structured", 0.5), model)
    assert len(done.model) < 0.7 * len(model)
    assert done.outcome.startswith("16 neurons removed: ")
    assert done.outcome.endswith("1 layers unchanged")
    assert done.facts == {"method": "structured", "sparsity": 0.5}


def test_magnitude_pruning_stores_what_is_left_unless_it_is_quantized_next() -> None:
    model = dense().SerializeToString()
    asked = PruneSpec("magnitude", 0.9, "global")
    assert len(prune(asked, model).model) < 0.6 * len(model)
    assert len(prune(asked, model, QuantizeSpec("dynamic")).model) >= 0.99 * len(model)


@pytest.mark.parametrize(
    ("model", "asked", "text"),
    [
        (residual(), PruneSpec("structured", 0.5), r"no layer that can be pruned \(MatMul_0: Add"),
        (dense(), PruneSpec("structured", 0.01), "no layer that can be pruned"),
        (dense(), PruneSpec("magnitude", 0.5, exclude=("Gemm",)), "no node or operator 'Gemm'"),
        (dense(), PruneSpec("magnitude", 0.5, exclude=("MatMul*",)), "no layer that can be pru"),
    ],
)
def test_a_model_that_cannot_be_pruned_is_told_why(
    model: onnx.ModelProto, asked: PruneSpec, text: str
) -> None:
    with pytest.raises(PruningError, match=text) as caught:
        prune(asked, model.SerializeToString())
    assert "models.net.prune" in str(caught.value)


def test_a_model_without_weights_is_told_so() -> None:
    with pytest.raises(PruningError, match="no layer that can be pruned"):
        prune(PruneSpec("magnitude", 0.5), echo())


def recovering(model: bytes, unpruned: Path | None) -> Optimized:
    asked = PruneSpec("magnitude", 0.5, recover=RecoverSpec(Path("again.py")))
    spec = ModelSpec("net", Path("n.onnx"), prune=asked, unpruned=unpruned)
    return OPTIMIZER.optimize(Task(spec, lambda _: None, len, trial_of(model)), model)


def test_a_model_that_is_pruned_already_stays_as_it_was_trained_again() -> None:
    once = prune(PruneSpec("magnitude", 0.5), dense().SerializeToString()).model
    done = recovering(once, Path("whole.pt"))
    assert done.facts == {"method": "magnitude", "sparsity": 0.5, "recovered": True}


def test_a_model_without_the_zeros_of_pruning_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"prune.recover.entry: left a model that pruning st"):
        recovering(dense().SerializeToString(), Path("whole.pt"))


def test_a_model_that_was_not_trained_again_is_refused() -> None:
    once = prune(PruneSpec("magnitude", 0.5), dense().SerializeToString()).model
    with pytest.raises(ManifestError, match=r"prune.recover: .*run `lading recover net`"):
        recovering(once, None)


def test_only_what_is_asked_for_is_done() -> None:
    spec = ModelSpec("net", Path("n.onnx"))
    assert not OPTIMIZER.applies(spec)
    assert set(OPTIMIZER.tools(spec)) == {"onnx"}
