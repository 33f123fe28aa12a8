import json
from dataclasses import replace
from pathlib import Path

import pytest

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import (
    BASELINE,
    GOLDEN,
    MODEL,
    REPORT,
    SPECIFICATION,
)
from lading.functions.inference.models.predictor import Batching
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.manifest.entries import BatchingSpec
from lading.model_packaging.measure.benchmark import Latency
from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval, Intervals
from lading.model_packaging.measure.peak_memory import Footprint
from lading.model_packaging.specification import (
    Build,
    Measured,
    Source,
    StageRecord,
    summarize,
    write_files,
)
from lading.model_packaging.store.publication import Published, verify
from tests.model_packaging.models import linear_bytes

LATENCY = Latency(1, 2, 3, 4, 5, 6)
CHANGE = AccuracyChange(
    *("accuracy", 0.98, 0.97, 0.01, 0.02, 500),
    intervals=Intervals(
        ConfidenceInterval(0.97, 0.99),
        ConfidenceInterval(0.96, 0.98),
        ConfidenceInterval(0.0, 0.02),
    ),
)
BUILD = Build(
    name="linear",
    identity="sha256:1",
    source=Source("linear.onnx", "onnx", "sha256:2", "sha256:3"),
    tools={"onnx": "1"},
    steps=(
        Measured(StageRecord("convert", len(linear_bytes())), LATENCY, None),
        Measured(
            StageRecord("quantize", len(linear_bytes()), {"scheme": "dynamic"}), LATENCY, CHANGE
        ),
    ),
    model=linear_bytes(),
    inputs=OnnxSession(linear_bytes()).inputs,
    outputs=OnnxSession(linear_bytes()).outputs,
    footprint=Footprint(7, 8, 9),
    golden=b"{}\n",
)


def write(folder: Path, build: Build) -> Path:
    for name, content in write_files(build).files.items():
        (folder / name).write_bytes(content)
    return folder


def published(folder: Path) -> Published:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return Published(verify("linear", 3, files, None), files, "somewhere")


def test_an_artifact_says_what_it_is_and_how_it_came_to_be(tmp_path: Path) -> None:
    artifact = read_artifact(write(tmp_path, BUILD))
    document = json.loads((tmp_path / SPECIFICATION).read_bytes())
    assert document["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 16]}]
    assert document["outputs"] == [{"name": "scores", "datatype": "FP32", "shape": [-1, 4]}]
    assert document["source"] == {"file": "linear.onnx", "framework": "onnx", "digest": "sha256:2"}
    assert document["tools"] == {"onnx": "1"}
    assert [step["step"] for step in document["steps"]] == ["convert", "quantize"]
    assert document["accuracy"] == {
        "metric": "accuracy",
        "before": 0.98,
        "after": 0.97,
        "drop": 0.01,
        "max_drop": 0.02,
        "rows": 500,
        "intervals": {
            "before": {"low": 0.97, "high": 0.99},
            "after": {"low": 0.96, "high": 0.98},
            "drop": {"low": 0.0, "high": 0.02},
        },
        "data": "sha256:3",
    }
    assert set(document["files"]) == {MODEL, GOLDEN}

    assert "version" not in document
    assert artifact.identity == "sha256:1"


def test_a_baseline_is_a_verified_file_of_an_artifact(tmp_path: Path) -> None:
    artifact = read_artifact(write(tmp_path, replace(BUILD, baseline=b"{}\n")))
    assert artifact.files == {BASELINE: b"{}\n"}
    assert open_onnx(artifact, 3).baseline == b"{}\n"
    (tmp_path / BASELINE).write_bytes(b"{ }")
    with pytest.raises(ArtifactCorrupt, match=BASELINE):
        read_artifact(tmp_path)


def test_a_summary_says_it_all_again(tmp_path: Path) -> None:
    packaged = summarize(published(write(tmp_path, BUILD)), 3, built=True, labels=("stable",))
    assert (packaged.name, packaged.version, packaged.built) == ("linear", 3, True)
    assert packaged.labels == ("stable",)
    assert packaged.accuracy == CHANGE
    assert packaged.size_before == packaged.size_after == len(BUILD.model)
    assert (packaged.p50_ms, packaged.p95_ms) == (3, 4)
    assert packaged.location == "somewhere"


def test_without_a_gate_or_quantizing_there_is_nothing_to_say_of_them(tmp_path: Path) -> None:
    plain = replace(BUILD, steps=BUILD.steps[:1])
    artifact = read_artifact(write(tmp_path, plain))
    assert artifact.specification["accuracy"] is None
    assert [step["step"] for step in artifact.specification["steps"]] == ["convert"]
    assert summarize(published(tmp_path), 1, built=False, labels=()).accuracy is None


def test_a_lost_report_costs_only_its_figures(tmp_path: Path) -> None:
    write(tmp_path, BUILD)
    for content in (b"", b"[]", b'{"latency": 3}'):
        (tmp_path / REPORT).write_bytes(content)
        assert summarize(published(tmp_path), 1, built=False, labels=()).p50_ms is None
    (tmp_path / REPORT).unlink()
    assert summarize(published(tmp_path), 1, built=False, labels=()).p95_ms is None


def test_how_requests_are_joined_is_read_by_the_service_and_changes_nothing_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "joined").mkdir()
    plain = read_artifact(write(tmp_path / "plain", BUILD))
    wished = replace(BUILD, batching=BatchingSpec(32, 2.0))
    joined = read_artifact(write(tmp_path / "joined", wished))
    assert open_onnx(plain, 1).batching is None
    assert open_onnx(joined, 1).batching == Batching(32, 0.002)
    assert {**joined.specification, "batching": None} == {**plain.specification, "batching": None}
