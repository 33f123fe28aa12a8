"""The example as its readers run it: trained, packaged, and asked with an image file."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.steps.image_rows import as_files
from lading.model_packaging.store.local import LocalStore
from tests.support.frameworks import needs
from tests.support.guides import run_guide

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "PIL")

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits_images"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with what its script writes."""
    folder = tmp_path_factory.mktemp("digits_images")
    for name in ("train.py", "convolutional.py", "models.yaml"):
        shutil.copy(EXAMPLE / name, folder)
    command = [sys.executable, str(folder / "train.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("held-out accuracy 0.9")
    return folder


@pytest.mark.parametrize(
    ("name", "label", "top"), [("digits-resnet", b"3", 5), ("digits-convolutional", b"three", 3)]
)
def test_an_image_file_is_answered_with_the_digit_in_it(
    trained: Path, name: str, label: bytes, top: int
) -> None:
    [spec] = load_manifest(trained / "models.yaml").select([name])
    packaged = package(spec, LocalStore(trained / "artifacts"), trained / "models.lock.json")
    assert packaged.accuracy is not None
    assert packaged.accuracy.after > 0.95
    predictor = open_onnx(read_artifact(Path(packaged.location), packaged.digest), 1)
    three = (trained / "images" / "0003.png").read_bytes()
    found = predictor.predict({"image": as_files([three])})
    assert found["label"][0, 0] == label
    assert found["label"].shape == found["score"].shape == (1, top)
    assert 0.9 < found["score"][0, 0] <= 1
    if spec.explain:
        run_guide("explanations.md", "## Images", trained)
        check_heat_map(trained / "why.png")


def check_heat_map(path: Path) -> None:
    """It is the picture of the guide: strokes are red, and something is blue."""
    from PIL import Image

    with Image.open(path) as image:
        red, _, blue = np.asarray(image.convert("RGB")).astype(int).transpose(2, 0, 1)
    assert image.size == (256, 256)
    assert (red - blue).max() > 60
    assert (blue - red).max() > 10
