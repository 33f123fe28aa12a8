"""A project whose script `trains` by copying an ONNX model out of its channel."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.training.recipe import Recipe, read_recipe
from tests.support.worlds import times

SCRIPT = """\
import os, shutil, sys
from pathlib import Path
factor = sys.argv[sys.argv.index("--factor") + 1]
source = Path(os.environ["SM_CHANNEL_TRAIN"]) / f"times{factor}.onnx"
shutil.copy(source, Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
print(f"epoch 1: auc=0.5")
print(f"epoch 2: auc=0.{factor}")
"""

TRAIN: dict[str, Any] = {
    "entry": "train.py",
    "channels": {"train": "data"},
    "parameters": {"factor": 2, "seed": 7},
    "metrics": {"auc": "auc=([0-9.]+)"},
}

Project = Callable[..., ModelSpec]


class NoObjects:
    """No S3: a test that needs none fails if it is asked."""

    def tags(self, address: str) -> dict[str, tuple[int, str]]:
        raise AssertionError(address)

    def download(self, address: str, folder: Path) -> None:
        raise AssertionError(address)

    def upload(self, files: Mapping[str, Path], address: str) -> None:
        raise AssertionError(address)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write a project, with these keys of `train` changed, and return its model."""

    def write(script: str = SCRIPT, model: dict[str, Any] | None = None, **keys: Any) -> ModelSpec:
        (tmp_path / "train.py").write_text(script)
        for factor in (2, 3):
            path = tmp_path / "data" / f"times{factor}.onnx"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(times(factor))
        entry = {"train": {**TRAIN, **keys}, **(model or {})}
        (tmp_path / "models.yaml").write_text(yaml.safe_dump({"models": {"m": entry}}))
        return load_manifest(tmp_path / "models.yaml").models["m"]

    return write


def recipe(spec: ModelSpec, **parameters: Any) -> Recipe:
    read = read_recipe(spec, NoObjects())
    return replace(read, parameters=parameters) if parameters else read
