"""The examples of a framework, trained as their script does it, and what conversions must keep."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from tests.model_packaging.comparison import check_conversion

EXAMPLES = Path(__file__).parents[3] / "examples"


def train(example: str, factory: pytest.TempPathFactory, *options: str, left_out: str) -> Path:
    """A copy of an example's folder with what its script writes.

    Args:
        example: its name.
        factory: of the folder.
        options: of the interpreter.
        left_out: pattern of what earlier runs may have written.
    """
    folder = factory.mktemp(example)
    ignored = shutil.ignore_patterns(left_out)
    shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True, ignore=ignored)
    command = [sys.executable, *options, str(folder / "train.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "held-out accuracy 0.9" in printed
    return folder


def spec_of(trained: Path, name: str) -> ModelSpec:
    [spec] = load_manifest(trained / "models.yaml").select([name])
    return spec


def signature(conversion: Conversion) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Inputs and outputs: their datatypes and shapes."""
    session = OnnxSession(conversion.onnx)
    return {each.name: (each.datatype, each.shape) for each in (*session.inputs, *session.outputs)}


def agree(conversion: Conversion, *requests: dict[str, Array]) -> None:
    """Check that the model answers every row as the original does."""
    converted = OnnxSession(conversion.onnx).run
    rows = sum(len(next(iter(request.values()))) for request in requests)
    assert check_conversion("m", requests, conversion.reference, converted) == rows
