"""A workspace with a model that doubles, and the command run in it."""

import contextlib
import json
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


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with models.yaml and the model it names."""
    (tmp_path / "models.yaml").write_text(MANIFEST)
    (tmp_path / "double.onnx").write_bytes(times(2))
    return tmp_path


@pytest.fixture
def lading(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Lading:
    """Run `lading` with these words in the workspace."""

    def run(*words: str) -> Result:
        code = 0
        with contextlib.chdir(workspace):
            try:
                main(words)
            except SystemExit as ended:
                code = int(ended.code or 0)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def packaged(lading: Lading) -> Lading:
    """`lading` where version 1 of the model is published."""
    done = lading("package")
    assert done.code == 0, done.err
    return lading
