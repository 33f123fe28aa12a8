from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.errors import FileMissing, ManifestError, PackagingError
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_source, rows, weights

MANIFEST = """
models:
  linear:
    source: linear.onnx
    code:
      file: process.py
      inputs: {texts: {shape: [batch], datatype: BYTES}}
      outputs: {best: {shape: [batch], datatype: INT64}}
"""
CODE = """
import numpy as np

def preprocess(arrays):
    numbers = [[float(n) for n in text.decode().split()] for text in arrays["texts"]]
    return {"x": np.array([row if len(row) == 16 else [0.0] * 16 for row in numbers], np.float32)}

def postprocess(arrays):
    return {"best": arrays["scores"].argmax(axis=1).astype(np.int64)}
"""
MADE_UP = CODE.replace("float(n)", "0.0 if n == 'a' else float(n)")


def spec(folder: Path, code: str = MADE_UP) -> ModelSpec:
    linear_source(folder)
    (folder / "process.py").write_text(code, encoding="utf-8")
    (folder / "models.yaml").write_text(MANIFEST, encoding="utf-8")
    [found] = load_manifest(folder / "models.yaml").select()
    return found


def run(folder: Path, found: ModelSpec) -> Packaged:
    return package(found, LocalStore(folder / "store"), folder / "models.lock.json")


def test_own_code_stands_between_callers_and_the_model(tmp_path: Path) -> None:
    packaged = run(tmp_path, spec(tmp_path))
    artifact = read_artifact(Path(packaged.location), packaged.digest)
    assert set(artifact.files) == {"process.py"}
    predictor = open_onnx(artifact, 1)
    texts = [" ".join(map(str, row)) for row in rows(5)]
    found = predictor.predict({"texts": as_bytes(np.array(texts))})
    assert found["best"].tolist() == (rows(5) @ weights()).argmax(axis=1).tolist()


def test_the_code_is_part_of_the_identity(tmp_path: Path) -> None:
    first = run(tmp_path, spec(tmp_path))
    again = run(tmp_path, spec(tmp_path))
    assert (again.version, again.built) == (1, False)
    second = run(tmp_path, spec(tmp_path, f"{MADE_UP}\n# another\n"))
    assert second.version == 2
    assert second.identity != first.identity


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("raise RuntimeError('no')", r"models\.yaml:\d+: models\.linear\.code: cannot run its"),
        ("x = 1", "must define preprocess or postprocess"),
        (MADE_UP.replace('"x":', '"y":'), "cannot be answered by the original model"),
        (MADE_UP.replace('"best":', '"worst":'), "model 'linear'"),
    ],
)
def test_code_that_does_not_fit_publishes_nothing(tmp_path: Path, code: str, text: str) -> None:
    with pytest.raises(PackagingError, match=text):
        run(tmp_path, spec(tmp_path, code))
    assert not (tmp_path / "models.lock.json").exists()


def test_missing_code_is_said_with_its_place(tmp_path: Path) -> None:
    found = spec(tmp_path)
    (tmp_path / "process.py").unlink()
    with pytest.raises(FileMissing, match=r"models\.linear\.code: .*process\.py is missing"):
        run(tmp_path, found)


def test_a_misspelt_key_of_the_code_is_named(tmp_path: Path) -> None:
    spec(tmp_path)
    text = MANIFEST.replace("datatype: INT64", "datatyp: INT64")
    (tmp_path / "models.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match="did you mean 'datatype'"):
        load_manifest(tmp_path / "models.yaml")
