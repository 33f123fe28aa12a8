import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.cli.conftest import Lading
from tests.support.frameworks import needs

pytestmark = [needs("pytorch", "torch", "onnxscript"), pytest.mark.slow]

NET = """
import torch
class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
"""
SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np
import torch
from net import Net
folder = Path(os.environ["SM_CHANNEL_PRUNED"])
net, masks = Net(), torch.load(folder / "masks.pt")
net.load_state_dict(torch.load(folder / "model.pt"))
rows = np.load(Path(os.environ["SM_CHANNEL_TRAIN"]) / "rows.npz")
x, y = torch.from_numpy(rows["x"]), torch.from_numpy(rows["y"])
steps = torch.optim.Adam(net.parameters(), lr=0.02)
for _ in range(int(sys.argv[sys.argv.index("--epochs") + 1])):
    steps.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    steps.step()
    with torch.no_grad():
        for name, mask in masks.items():
            net.get_parameter(name).mul_(mask)
print("trained again")
torch.save(net.state_dict(), Path(os.environ["SM_MODEL_DIR"]) / "net.pt")
"""


def write_rows(path: Path, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((400, 8)).astype(np.float32)
    np.savez(path, x=x, y=(x[:, 0] + x[:, 1] > 0).astype(np.int64))


@pytest.fixture
def project(workspace: Path) -> Path:
    """The workspace, with a network that finds the classes, and a script to train it again."""
    import torch

    (workspace / "net.py").write_text(NET)
    (workspace / "again.py").write_text(SCRIPT)
    write_rows(workspace / "rows.npz", 1)
    write_rows(workspace / "held.npz", 2)
    torch.manual_seed(0)
    # Two neurons find x0 + x1 and its negative. The others have larger norms, and the same weight
    # for both classes, so that pruning takes the two that matter.
    weight, last, bias = 3 * torch.randn(32, 8), torch.ones(2, 32), torch.zeros(32)
    weight[:2] = 0
    weight[0, :2], weight[1, :2] = 1, -1
    last[0, 0] = last[1, 1] = 0
    state = {"0.weight": weight, "0.bias": bias, "2.weight": last, "2.bias": torch.zeros(2)}
    torch.save(state, workspace / "net.pt")
    data, parameters = {"train": "rows.npz"}, {"epochs": 150}
    recover = {"entry": "again.py", "channels": data, "parameters": parameters}
    entry = {
        "source": "net.pt",
        "class": "net:Net",
        "inputs": {"x": {"shape": ["batch", 8]}},
        "prune": {"method": "structured", "sparsity": 0.5, "recover": recover},
        "accuracy": {"data": "held.npz", "metric": "accuracy", "max_drop": 0.1},
    }
    (workspace / "models.yaml").write_text(yaml.safe_dump({"models": {"net": entry}}))
    return workspace


def set_(workspace: Path, old: str, new: str, name: str = "models.yaml") -> None:
    path = workspace / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def published(workspace: Path) -> bool:
    return (workspace / "artifacts/models/net").exists()


def test_a_network_that_was_trained_again_is_published_once(project: Path, lading: Lading) -> None:
    before = lading("package", "net")
    assert before.code == 5
    assert "models.net.prune.recover: is not trained" in before.err
    assert "run `lading recover net`" in before.err
    dry = lading("recover", "net", "--dry-run")
    assert dry.out == "net would be trained again by again.py, and get a new version\n", dry.err
    assert not (project / ".lading/training").exists()
    result = lading("recover", "net")
    assert result.code == 0, result.err
    assert "trained again" in result.err
    assert result.out.startswith("net version 1 published: ")
    artifact = json.loads((project / "artifacts/models/net/1/artifact.json").read_text())
    assert artifact["training"]["entry"] == "again.py"
    assert set(artifact["training"]["data"]) == {"train", "pruned"}
    assert "16 neurons removed" in result.err
    again = lading("recover", "net", "--json")
    assert (again.document["version"], again.document["built"]) == (1, False)
    assert "trained again" not in again.err
    assert lading("recover", "net", "--dry-run").out == "net would keep version 1\n"
    assert lading("package", "net").out.startswith("net version 1 unchanged: ")


def test_a_network_that_is_not_recovered_fails_the_gate_against_the_original(
    project: Path, lading: Lading
) -> None:
    set_(project, "epochs: 150", "epochs: 0")
    result = lading("recover", "net")
    assert result.code == 3, result.err
    assert "accuracy went from 1" in result.err
    assert not published(project)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("torch.save(net", "# torch.save(net", "again.py left no model"),
        (".mul_(mask)", ".add_(mask)", "again.py undid the pruning"),
    ],
    ids=["no model", "undone"],
)
def test_a_wrong_script_is_one_line_and_publishes_nothing(
    project: Path, lading: Lading, old: str, new: str, reason: str
) -> None:
    set_(project, old, new, "again.py")
    result = lading("recover", "net")
    assert result.code == 5
    assert f"models.net.prune.recover.entry: {reason}" in result.err
    assert not published(project)
    assert "is not trained" in lading("package", "net").err


def test_a_missing_channel_has_its_place(project: Path, lading: Lading) -> None:
    set_(project, "train: rows.npz", "train: none.npz")
    result = lading("recover", "net")
    assert result.code == 5
    assert "models.net.prune.recover.channels.train: " in result.err
