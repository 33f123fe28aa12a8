from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.training.distillation.networks import save_network, teach_network
from lading.training.distillation.targets import make_targets
from lading.training.errors import TrainingError
from tests.support.frameworks import needs
from tests.training.distillation.conftest import Project, rows, weights

pytestmark = needs("pytorch", "torch", "onnxscript")

NET = """
import torch
class Net(torch.nn.Linear):
    def __init__(self, classes=3):
        super().__init__(4, classes)
"""
MODEL: dict[str, Any] = {"class": "net:Net", "inputs": {"x": {"shape": ["batch", 4]}}}


@pytest.fixture(autouse=True)
def net(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)


def test_a_network_learns_the_teachers_scores(project: Project) -> None:
    import torch

    data, told = rows(400), []
    targets = make_targets(data @ weights() / 4, None)
    spec = project(model=MODEL, epochs=40, learning_rate=0.05, alpha=1.0)
    module = teach_network(spec, {"x": data}, targets, lambda *each: told.append(each))
    found = module(torch.from_numpy(data)).softmax(1).detach().numpy()
    np.testing.assert_allclose(found, targets.probabilities, atol=0.03)
    assert [epoch for epoch, _ in told] == list(range(1, 41))
    assert told[-1][1] < told[0][1] / 10


def test_the_loss_is_that_of_the_paper(project: Project) -> None:
    """One step of one batch: the first loss is computed from the untrained module."""
    import torch

    data, told = rows(32), []
    targets = make_targets(data @ weights(), None)
    spec = project(model=MODEL, epochs=1, temperature=3.0, alpha=0.7)
    teach_network(spec, {"x": data}, targets, lambda *each: told.append(each))
    torch.manual_seed(0)
    untrained = torch.nn.Linear(4, 3)(torch.from_numpy(data)).detach().numpy().astype(np.float64)
    logs = untrained - np.log(np.exp(untrained).sum(axis=1, keepdims=True))
    soft = make_targets(untrained, None).softened(3.0)
    taught = targets.softened(3.0)
    divergence = (taught * np.log(taught / soft)).sum(axis=1).mean()
    entropy = -logs[np.arange(32), targets.best].mean()
    assert told[0][1] == pytest.approx(0.7 * 9 * divergence + 0.3 * entropy, rel=1e-4)


def test_the_same_seed_learns_the_same(project: Project) -> None:
    data = rows(100)
    targets = make_targets(data @ weights(), None)
    found = [
        teach_network(project(model=MODEL, epochs=2, seed=seed), {"x": data}, targets, print)
        for seed in (5, 5, 6)
    ]
    first, again, other = (each.weight.detach().numpy() for each in found)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_arguments_of_the_class_are_kept_with_the_weights(project: Project, tmp_path: Path) -> None:
    import torch

    spec = project(model=MODEL, epochs=1, parameters={"classes": 3})
    data = rows(20)
    module = teach_network(spec, {"x": data}, make_targets(data @ weights(), None), print)
    save_network(spec, module, tmp_path)
    kept = torch.load(tmp_path / "student.pt", weights_only=True)
    assert kept["hyper_parameters"] == {"classes": 3}


@pytest.mark.parametrize(
    ("keys", "model", "place", "reason"),
    [
        ({"parameters": {"classes": 5}}, MODEL, "class", "the teacher has 3 classes"),
        ({"parameters": {"colour": 5}}, MODEL, "distill.parameters", "do not create the class"),
        (
            {},
            {**MODEL, "inputs": {"z": {"shape": ["batch", 4]}}},
            "inputs",
            "'z' is not an input of the teacher, which has x",
        ),
    ],
    ids=["classes", "arguments", "inputs"],
)
def test_an_unfit_network_is_one_line(
    project: Project, keys: dict[str, Any], model: dict[str, Any], place: str, reason: str
) -> None:
    data = rows(20)
    spec, targets = project(model=model, **keys), make_targets(data @ weights(), None)
    with pytest.raises(TrainingError, match=reason) as caught:
        teach_network(spec, {"x": data}, targets, print)
    assert f"models.small.{place}: " in str(caught.value)
