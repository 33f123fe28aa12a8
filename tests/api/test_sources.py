"""A source that is an address, from models.yaml to the lock."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import skops.io
import yaml
from sklearn.linear_model import LogisticRegression

from tests.cli.conftest import Lading
from tests.model_packaging.remote.places import Place, certificate, web
from tests.support.worlds import times

DIGEST = hashlib.sha256(times(2)).hexdigest()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    pem = certificate(tmp_path)
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(pem))
    with web({"/double.onnx": times(2)}, {}, pem) as made:
        yield made


def state(workspace: Path, source: str) -> None:
    (workspace / "models.yaml").write_text(f"models:\n  double:\n    source: {source}\n")


def test_a_source_is_pinned_in_the_lock_and_packaged_offline_afterwards(
    place: Place, workspace: Path, lading: Lading
) -> None:
    address = f"{place.url}/double.onnx#sha256={DIGEST}"
    state(workspace, address)
    first = lading("package", "--json")
    assert (first.code, first.document[0]["version"]) == (0, 1), first.err
    assert "fetch" in first.err
    entry = json.loads((workspace / "models.lock.json").read_text())["double"]
    assert entry["source"]["address"] == address
    assert entry["source"]["revision"] == f"sha256:{DIGEST}"
    assert lading("package", "--json").document[0]["built"] is False
    assert place.seen == ["GET /double.onnx"]
    state(workspace, "double.onnx")
    lading("package")
    assert "source" not in json.loads((workspace / "models.lock.json").read_text())["double"]


def test_a_source_that_cannot_be_fetched_changes_nothing(
    place: Place, workspace: Path, lading: Lading
) -> None:
    state(workspace, f"{place.url}/absent#sha256={DIGEST}")
    result = lading("package")
    assert (result.code, (workspace / "models.lock.json").exists()) == (5, False)
    assert "cannot be downloaded: status 404" in result.err


def test_an_archive_of_a_training_is_a_source(workspace: Path, lading: Lading) -> None:
    with tarfile.open(workspace / "model.tar.gz", "w:gz") as archive:
        archive.add(workspace / "double.onnx", "double.onnx")
    state(workspace, "model.tar.gz")
    assert lading("package", "--json").document[0]["version"] == 1


def test_a_model_of_mlflow_has_the_inputs_and_the_example_that_were_logged(
    workspace: Path, lading: Lading
) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "visits": [1, 2, 3, 4]})
    model = LogisticRegression().fit(frame, [0, 0, 1, 1])
    folder = workspace / "logged"
    folder.mkdir()
    skops.io.dump(model, folder / "model.skops")
    signature = [{"type": "double", "name": "age"}, {"type": "long", "name": "visits"}]
    (folder / "MLmodel").write_text(
        yaml.safe_dump(
            {
                "flavors": {
                    "python_function": {"loader_module": "mlflow.sklearn"},
                    "sklearn": {"pickled_model": "model.skops"},
                },
                "signature": {"inputs": json.dumps(signature)},
                "saved_input_example_info": {"artifact_path": "input_example.json"},
            }
        )
    )
    example = {"columns": ["age", "visits"], "data": [[33.5, 7]]}
    (folder / "input_example.json").write_text(json.dumps(example))
    state(workspace, "logged")
    packaged = lading("package", "--json")
    assert packaged.code == 0, packaged.err
    assert "the first is its input example" in packaged.err
    place = workspace / packaged.document[0]["location"]
    inputs = json.loads((place / "artifact.json").read_text())["inputs"]
    assert [(each["name"], each["datatype"]) for each in inputs] == [
        ("age", "FP64"),
        ("visits", "INT64"),
    ]
    first = json.loads((place / "golden.json").read_text())["requests"][0]
    assert [each["data"] for each in first["inputs"]] == [[33.5], [7]]
