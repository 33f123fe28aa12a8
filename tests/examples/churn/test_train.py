import subprocess
import sys
from pathlib import Path

import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import from_json
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.support.frameworks import needs
from tests.support.guides import run_guide

EXAMPLE = Path(__file__).parents[3] / "examples" / "churn"
CUSTOMERS = {
    "tenure": ("FP32", [60.5, 1.0]),
    "monthly_price": ("FP32", [20.0, 45.0]),
    "plan": ("BYTES", ["yearly", "trial"]),
    "country": ("BYTES", ["Österreich", "never seen"]),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with what its script writes."""
    folder = tmp_path_factory.mktemp("churn")
    for name in ("train.py", "models.yaml"):
        (folder / name).write_bytes((EXAMPLE / name).read_bytes())
    command = [sys.executable, "-W", "error", str(folder / "train.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("held-out accuracy 0.8")
    return folder


@pytest.fixture(scope="module")
def packaged(trained: Path) -> Packaged:
    """The example's version 1, in a store and a lock beside it."""
    [spec] = load_manifest(trained / "models.yaml").select()
    return package(spec, LocalStore(trained / "artifacts"), trained / "models.lock.json")


@needs("tabular", "pandas")
def test_columns_are_sent_by_name_and_hold_numbers_or_texts(packaged: Packaged) -> None:
    assert packaged.accuracy is not None
    assert packaged.accuracy.before == packaged.accuracy.after > 0.8
    predictor = open_onnx(read_artifact(Path(packaged.location), packaged.digest), 1)
    signature = {each.name: (each.datatype, each.shape) for each in predictor.metadata.inputs}
    assert signature == {name: (kind, (-1,)) for name, (kind, _) in CUSTOMERS.items()}
    answers = predictor.predict(
        {name: from_json(values, name, kind) for name, (kind, values) in CUSTOMERS.items()}
    )
    assert answers["label"].tolist() == [0, 1]
    assert answers["probabilities"][1, 1] > 0.8


@needs("tabular", "pandas")
def test_the_guide_explains_two_customers(packaged: Packaged, trained: Path) -> None:
    assert packaged.version == 1
    run_guide("explanations.md", "## Rows", trained)
