"""A graph is packaged from packaged models; another version of one is another version of it."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import BASELINE, REPORT
from lading.functions.inference.drift.baseline import read_baseline
from lading.functions.inference.explaining.asking import explained
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.predictor import EXPLANATION, take_runs
from lading.model_packaging.errors import ConversionError, DataUnusable, ManifestError
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import (
    LocalCopy,
    LockedEngine,
    LockedVersion,
    LockError,
    read_lock,
)
from lading.model_packaging.lock.labels import roll_back
from lading.model_packaging.lock.retirement import retire
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.graphs.worlds import LOCK, STORE, linear, publish
from tests.support.engines import write_engine_artifact

MANIFEST = """\
models:
  first: {source: first.onnx}
  left: {source: left.onnx}
  right: {source: right.onnx}
  g:
    graph:
      inputs: [x]
      nodes:
        root: {sequence: [{use: first, outputs: {y: z}}, both]}
        both:
          ensemble: [{use: left, inputs: {x: z}}, {use: right, inputs: {x: z}}]
          combine: mean
    accuracy: {data: holdout.npz, metric: accuracy, max_drop: 0.1}
"""
GENERATOR = np.random.default_rng(0)
FIRST, LEFT, RIGHT = (GENERATOR.standard_normal(shape) for shape in ((6, 5), (5, 3), (5, 3)))
ROWS = GENERATOR.standard_normal((120, 6)).astype(np.float32)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A manifest, its packaged models, and held-out rows that their graph answers right."""
    for name, weight in (("first", FIRST), ("left", LEFT), ("right", RIGHT)):
        publish(tmp_path, name, 1, linear(weight))
    (tmp_path / "models.yaml").write_text(MANIFEST)
    right = (ROWS @ FIRST @ (LEFT + RIGHT)).argmax(axis=1)
    np.savez(tmp_path / "holdout.npz", X=ROWS, y=right)
    return tmp_path


def packaged(project: Path) -> tuple[Packaged, dict[str, str]]:
    """The graph's version, and what each stage said."""
    told: dict[str, str] = {}
    spec = load_manifest(project / "models.yaml").models["g"]
    found = package(spec, LocalStore(project / STORE), project / LOCK, told.__setitem__)
    return found, told


def answer(found: Packaged) -> list[list[float]]:
    artifact = read_artifact(Path(found.location), found.digest)
    answers: list[list[float]] = (
        open_here(artifact, found.version).predict({"x": ROWS[:2]})["y"].tolist()
    )
    return answers


def test_a_graph_contains_its_models_and_is_a_version_like_any_other(project: Path) -> None:
    found, told = packaged(project)
    assert (found.version, found.built, found.labels) == (1, True, ("stable",))
    assert found.size_after == sum(len(linear(each)) for each in (FIRST, LEFT, RIGHT))
    assert found.accuracy is not None
    assert found.accuracy.after > 0.99
    assert np.allclose(answer(found), ROWS[:2] @ FIRST @ (LEFT + RIGHT) / 2, atol=1e-4)
    entry = read_lock(project / LOCK).model("g").versions[1]
    assert entry.nodes == {"first": 1, "left": 1, "right": 1}
    assert told["resolve"] == "2 nodes of first 1, left 1, right 1"
    golden = read_artifact(Path(found.location)).golden
    assert golden is not None
    assert json.loads(golden)["requests"]
    again, _ = packaged(project)
    assert (again.version, again.built) == (1, False)


def test_a_graph_explains_its_answers_and_has_the_baseline_of_what_it_gets_and_gives(
    project: Path,
) -> None:
    manifest = f"{MANIFEST}    explain: {{background: 20}}\n"
    (project / "models.yaml").write_text(manifest)
    found, told = packaged(project)
    assert told["explain"].startswith("6 features beside 20 rows, of the output 'y'; first x[")
    artifact = read_artifact(Path(found.location), found.digest)
    baseline = read_baseline(artifact.files[BASELINE])
    assert baseline.rows == len(ROWS)
    assert [(each.side, each.tensor) for each in baseline.features][:2] == [
        ("inputs", "x"),
        ("outputs", "y"),
    ]
    predictor = open_here(artifact, found.version)
    assert predictor.baseline == artifact.files[BASELINE]
    assert predictor.recorded is not None
    around = ROWS[:1] - predictor.recorded.background["x"].mean(axis=0)
    answers = explained(predictor, {"target": 2}, {}).predict({"x": ROWS[:1]})
    values = json.loads(answers[EXPLANATION][0])["values"]["x"]
    weight = (FIRST @ (LEFT + RIGHT) / 2)[:, 2]
    assert values == pytest.approx((around * weight)[0].tolist(), abs=1e-5)
    assert sorted(run.node for run in take_runs()) == ["first", "left", "right"]
    report = json.loads((Path(found.location) / REPORT).read_bytes())
    assert len(report["explanations"]["importances"]) == 6
    assert report["cpu_seconds"]["check"] >= 0


def test_rows_without_a_step_of_a_switch_are_no_background(project: Path) -> None:
    (project / "models.yaml").write_text(
        MANIFEST.partition("  g:")[0]
        + """\
  g:
    graph:
      inputs: [x, kind]
      nodes: {root: {switch: [{use: left, when: {tensor: kind, eq: a}}]}}
    explain: {data: rows.npz}
"""
    )
    np.savez(project / "rows.npz", x=ROWS[:, :5], kind=np.array(["a", "z"] * 60))
    with pytest.raises(DataUnusable, match=r"rows.npz has rows that are not answered.*'kind' is"):
        packaged(project)


def test_a_graph_that_asks_endpoints_has_no_explanations(project: Path) -> None:
    digest = write_engine_artifact(project / STORE, "far", linear(FIRST), "triton")
    engine = LockedEngine(name="triton", digest="0" * 64)
    copy = LocalCopy(path=STORE)
    entry = LockedVersion(
        identity=digest, digest=digest, target="sagemaker", engine=engine, stores=(copy,)
    )
    record(project / LOCK, "far", 1, entry, ["stable"])
    (project / "models.yaml").write_text(
        """\
models:
  far: {source: far.onnx, target: sagemaker}
  g:
    graph: {inputs: [x], nodes: {root: {sequence: [far]}}}
    explain: true
"""
    )
    with pytest.raises(ManifestError, match=r":5: .*'far' of this graph is at an endpoint"):
        packaged(project)


def test_another_version_of_a_model_is_another_version_of_the_graph_for_its_gate(
    project: Path,
) -> None:
    first, _ = packaged(project)
    publish(project, "left", 2, linear(LEFT * 1.01))
    second, told = packaged(project)
    assert (second.version, second.built) == (2, True)
    assert second.identity != first.identity
    assert "0.1 allowed" in told["gate"]  # it was compared with version 1
    publish(project, "left", 3, linear(-9 * LEFT))
    with pytest.raises(AccuracyDropped, match="model 'g' is not published"):
        packaged(project)
    assert [*read_lock(project / LOCK).model("g").versions] == [1, 2]


def test_a_graph_goes_back_with_the_versions_of_its_models_that_it_was_tested_with(
    project: Path,
) -> None:
    first, _ = packaged(project)
    before = answer(first)
    publish(project, "left", 2, linear(LEFT * 1.01))
    second, _ = packaged(project)
    assert answer(second) != before
    roll_back(project / LOCK, "g", "stable")
    locked = read_lock(project / LOCK).model("g")
    assert locked.labels == {"stable": 1}
    assert locked.versions[1].nodes["left"] == 1  # while the label of `left` stays on 2
    assert answer(first) == before
    with pytest.raises(LockError, match=r"has version 1 of graph 'g'.* version 1 of model 'left'"):
        retire(project / LOCK, "left", 1, date(2026, 11, 30))


def test_models_of_one_process_become_one_if_the_manifest_asks_for_it(project: Path) -> None:
    plain, _ = packaged(project)
    manifest = project / "models.yaml"
    manifest.write_text(
        MANIFEST.replace("      inputs: [x]", "      merge: true\n      inputs: [x]")
    )
    merged, told = packaged(project)
    assert told["merge"].startswith("'root' is one model of ")
    artifact = read_artifact(Path(merged.location), merged.digest)
    assert artifact.graph is not None
    assert artifact.graph.nodes["root"].merged == "root+merged.onnx"
    assert answer(merged) == answer(plain)


def test_a_model_without_a_version_is_named_with_its_line(project: Path) -> None:
    (project / "models.yaml").write_text(MANIFEST.replace("both]", "both]", 1))
    lock = json.loads((project / LOCK).read_text())
    del lock["right"]
    (project / LOCK).write_text(json.dumps(lock))
    with pytest.raises(ManifestError, match=r":11: .*'right' has no version yet; run `lading pack"):
        packaged(project)


def test_own_code_that_returns_something_else_than_it_states_is_refused(project: Path) -> None:
    code = "code: {file: combine.py, outputs: {y: {shape: [batch, 3], datatype: FP64}}}"
    (project / "models.yaml").write_text(MANIFEST.replace("combine: mean", code))
    (project / "combine.py").write_text("def combine(answers):\n    return answers[0]\n")
    with pytest.raises(ConversionError, match=r"returns 'y' as FP32 of shape \[.*, 3\], not FP64"):
        packaged(project)


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63)], ids=["highest", "lowest"])
def test_a_condition_may_name_the_last_value_of_a_datatype(project: Path, value: int) -> None:
    nodes = f"{{switch: [{{use: left, when: {{tensor: kind, eq: {value}}}}}, right]}}"
    graph = f"  g: {{graph: {{inputs: [x, kind], nodes: {{root: {nodes}}}}}}}\n"
    (project / "models.yaml").write_text(MANIFEST.partition("  g:")[0] + graph)
    artifact = read_artifact(Path(packaged(project)[0].location))
    assert artifact.golden is not None
    assert str(value).encode() in artifact.golden


def test_rows_of_a_switch_reach_each_of_its_steps(project: Path) -> None:
    (project / "models.yaml").write_text(
        MANIFEST.partition("  g:")[0]
        + """\
  g:
    graph:
      inputs: [x, kind]
      nodes:
        root:
          switch:
            - {use: left, when: {tensor: kind, in: [a, b]}}
            - {use: right, when: {tensor: kind, eq: c}}
"""
    )
    found, _ = packaged(project)
    golden = read_artifact(Path(found.location)).golden
    assert golden is not None
    kinds = {
        value
        for request in json.loads(golden)["requests"]
        for tensor in request["inputs"]
        if tensor["name"] == "kind"
        for value in tensor["data"]
    }
    assert {"a", "b", "c"} <= kinds
