"""What a script must leave: the same network, with the same zeros."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.training.errors import TrainingError
from lading.training.recovery.networks import MASKS, WEIGHTS, require_kept
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript")

NET = """
import torch
class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(4, 3)
"""
MODEL: dict[str, Any] = {
    "source": "net.pt",
    "class": "net:Net",
    "prune": {"method": "magnitude", "sparsity": 0.5, "recover": {"entry": "again.py"}},
    "accuracy": {"data": "held.npz", "metric": "accuracy", "max_drop": 0.02},
}


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"models": {"net": MODEL}}))
    return load_manifest(tmp_path / "models.yaml").models["net"]


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    import torch

    mask = torch.arange(12).reshape(3, 4) % 2 == 0
    torch.save({"weight": torch.ones(3, 4) * mask, "bias": torch.ones(3)}, tmp_path / WEIGHTS)
    torch.save({"weight": mask}, tmp_path / MASKS)
    return {name: tmp_path / name for name in (WEIGHTS, MASKS)}


def _another_structure(state: Any) -> Any:
    import torch

    return {**state, "weight": torch.ones(3, 5)}


def _further(state: Any) -> Any:
    return {**state, "more": state["bias"]}


def _undone(state: Any) -> Any:
    state["weight"][0, 1] = 0.5
    return state


def test_other_weights_at_the_kept_places_are_accepted(
    spec: ModelSpec, given: dict[str, Path], tmp_path: Path
) -> None:
    import torch

    state = torch.load(given[WEIGHTS])
    torch.save({"weight": state["weight"] * 7, "bias": state["bias"] - 1}, tmp_path / "left.pt")
    require_kept(spec, tmp_path / "left.pt", given)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_another_structure, "left a model that is not the pruned network: .*size mismatch"),
        (_further, "left a model that is not the pruned network: .*'more'"),
        (_undone, r"undid the pruning: 1 of the 6 zeros of 'weight' have values"),
        (lambda _: [1], "left a model that is not the pruned network: .*a list"),
    ],
    ids=["structure", "further", "undone", "list"],
)
def test_another_model_is_refused_with_its_place(
    spec: ModelSpec,
    given: dict[str, Path],
    tmp_path: Path,
    change: Callable[[Any], Any],
    reason: str,
) -> None:
    import torch

    torch.save(change(torch.load(given[WEIGHTS])), tmp_path / "left.pt")
    with pytest.raises(TrainingError, match=reason) as raised:
        require_kept(spec, tmp_path / "left.pt", given)
    assert "models.net.prune.recover.entry: again.py" in str(raised.value)


def test_a_file_of_another_framework_is_refused(
    spec: ModelSpec, given: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "left.onnx").write_bytes(b"model")
    with pytest.raises(TrainingError, match=r"needs a PyTorch network, and left\.onnx is of"):
        require_kept(spec, tmp_path / "left.onnx", given)


def test_a_folder_is_refused(spec: ModelSpec, given: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    with pytest.raises(TrainingError, match="left the folder left; leave one file"):
        require_kept(spec, tmp_path / "left", given)
