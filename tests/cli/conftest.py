"""A workspace with a model that doubles, and the command run in it."""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lading.cli.main import main
from tests.support.worlds import times

MANIFEST = """\
models:
  double:
    source: double.onnx
"""


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Lading = Callable[..., Result]


def run(folder: Path, *words: str) -> int:
    """Run `lading` with these words in the folder, and give its exit code."""
    with contextlib.chdir(folder):
        try:
            main(words)
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def package_in(folder: Path, *models: str) -> Path:
    """Package the models of a folder, for a fixture that tests copy."""
    assert run(folder, "package", *models) == 0
    return folder


def write_workspace(folder: Path) -> Path:
    (folder / "models.yaml").write_text(MANIFEST)
    (folder / "double.onnx").write_bytes(times(2))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with models.yaml and the model it names."""
    return write_workspace(tmp_path)


@pytest.fixture
def lading(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Lading:
    """Run `lading` with these words in the workspace."""

    def run_here(*words: str) -> Result:
        code = run(workspace, *words)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run_here


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with version 1 of the model published; not to be written to."""
    return package_in(write_workspace(tmp_path_factory.mktemp("published")))


@pytest.fixture
def packaged(workspace: Path, lading: Lading, published: Path) -> Lading:
    """`lading` where version 1 of the model is published."""
    shutil.copytree(published, workspace, dirs_exist_ok=True)
    return lading


def write_training(workspace: Path, manifest: str, script: str) -> None:
    """Write a model that a script makes, and what it may choose from: `times2` and `times3`."""
    (workspace / "models.yaml").write_text(manifest)
    (workspace / "train.py").write_text(script)
    (workspace / "data").mkdir()
    for factor in (2, 3):
        (workspace / f"data/times{factor}.onnx").write_bytes(times(factor))
