from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec, load_manifest

RECOVER: dict[str, Any] = {"entry": "again.py", "channels": {"train": "rows"}}
MODEL: dict[str, Any] = {
    "source": "net.pt",
    "class": "net:Net",
    "accuracy": {"data": "held.npz", "metric": "accuracy", "max_drop": 0.02},
}


def load(folder: Path, recover: dict[str, Any], **keys: Any) -> ModelSpec:
    prune = {"method": "magnitude", "sparsity": 0.5, "recover": {**RECOVER, **recover}}
    model = {key: value for key, value in {**MODEL, **keys}.items() if value is not None}
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump({"models": {"net": {**model, "prune": prune}}}))
    return load_manifest(path).models["net"]


def test_a_recovery_is_read_as_a_training(tmp_path: Path) -> None:
    spec = load(tmp_path, {"parameters": {"epochs": 3}, "max_minutes": 5})
    assert spec.prune is not None
    assert spec.prune.recover is not None
    train = spec.prune.recover.as_training()
    assert train.entry == tmp_path / "again.py"
    assert train.channels == {"train": tmp_path / "rows"}
    assert (train.parameters, train.max_minutes) == ({"epochs": 3}, 5)


@pytest.mark.parametrize(
    ("recover", "keys", "reason"),
    [
        ({}, {"class": None}, "recover: needs class"),
        ({}, {"accuracy": None}, "recover: needs an accuracy section"),
        ({}, {"source": None, "train": {"entry": "t.py"}}, "recover: needs source, .* train"),
        ({"channels": {"pruned": "rows"}}, {}, "'pruned' is the channel of the pruned network"),
        ({"channels": {"code": "rows"}}, {}, "'code' is the channel of the script"),
        ({"parameters": {"widths": [1, 2]}}, {}, "widths: must be a number, a text, true or fa"),
        ({"instance": "ml.m5.xlarge"}, {}, "instance: unknown key"),
    ],
)
def test_what_is_wrong_has_its_place(
    tmp_path: Path, recover: dict[str, Any], keys: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ManifestError, match=reason) as caught:
        load(tmp_path, recover, **keys)
    assert "models.net.prune.recover" in str(caught.value)
