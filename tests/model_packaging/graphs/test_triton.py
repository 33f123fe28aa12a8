"""A graph at one endpoint is an ensemble of Triton, valid by Triton's own definitions."""

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from lading.cli.placements import needs_of
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.endpoint.fleet import folder_number
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.graphs.job import resolve_graph
from lading.model_packaging.graphs.triton import computed
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.engines.test_triton_config import DEFINITIONS
from tests.model_packaging.graphs.worlds import LOCK, STORE, linear, publish

MODELS = "models:\n" + "".join(
    f"  {name}: {{source: {name}.onnx}}\n" for name in ("first", "left", "right")
)
GRAPH = """\
  g:
    target: sagemaker
    engine: {name: triton, image: "123456789012.dkr.ecr.REGION.amazonaws.com/triton:1"}
    graph:
      inputs: [x]
      nodes:
        root: {sequence: [{use: first, outputs: {y: z}}, both]}
        both:
          ensemble:
            - {use: left, inputs: {x: z}, weight: 1}
            - {use: right, inputs: {x: z}, weight: 3}
          combine: weighted
"""
GENERATOR = np.random.default_rng(0)
FIRST, LEFT, RIGHT = (GENERATOR.standard_normal(shape) for shape in ((6, 5), (5, 3), (5, 3)))
ROWS = GENERATOR.standard_normal((4, 6)).astype(np.float32)


@pytest.fixture(name="project", scope="module")
def fixture_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packaged models, without a graph."""
    root = tmp_path_factory.mktemp("triton")
    for name, weight in (("first", FIRST), ("left", LEFT), ("right", RIGHT)):
        publish(root, name, 1, linear(weight))
    return root


@pytest.fixture(name="published", scope="module")
def fixture_published(project: Path) -> Packaged:
    return packaged(project, GRAPH)


def packaged(project: Path, graph: str) -> Packaged:
    (project / "models.yaml").write_text(MODELS + graph)
    spec = load_manifest(project / "models.yaml").models["g"]
    return package(spec, LocalStore(project / STORE), project / LOCK)


def test_the_artifact_is_one_of_an_engine_and_says_which_models_it_has(
    project: Path, published: Packaged
) -> None:
    artifact = read_artifact(Path(published.location), published.digest)
    assert (published.target, artifact.graph) == ("sagemaker", None)
    assert artifact.engine is not None
    assert artifact.engine.environment == {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"}
    number = folder_number(artifact.engine)
    assert number
    assert {*artifact.engine.files} == {
        f"model/{number}/ensemble.txt",
        "model/config.pbtxt",
        *(
            f"part-{name}/{file}"
            for name in ("both", "first", "left", "right")
            for file in (f"{number}/model.onnx", "config.pbtxt")
        ),
    }
    entry = read_lock(project / LOCK).model("g").versions[1]
    assert entry.engine is not None
    assert entry.nodes == {"first": 1, "left": 1, "right": 1}


def test_tritons_definitions_accept_the_ensemble_whose_steps_pass_tensors_on(
    published: Packaged,
) -> None:
    content = (Path(published.location) / "engine/model/config.pbtxt").read_text()
    config = text_format.Parse(content, DEFINITIONS.ModelConfig())
    assert (config.name, config.platform, config.max_batch_size) == ("model", "ensemble", 64)
    assert [(each.name, list(each.dims)) for each in config.input] == [("x", [6])]
    assert [(each.name, list(each.dims)) for each in config.output] == [("y", [3])]
    steps = config.ensemble_scheduling.step
    assert [step.model_name for step in steps] == [
        *("part-first", "part-left", "part-right", "part-both")
    ]
    assert {step.model_version for step in steps} == {-1}
    first, left, right, both = steps
    assert dict(first.input_map) == {"x": "x"}
    assert dict(left.input_map) == dict(right.input_map) == {"x": first.output_map["y"]}
    assert {*both.input_map.values()} == {left.output_map["y"], right.output_map["y"]}
    assert dict(both.output_map) == {"y": "y"}
    for name in ("both", "first", "left", "right"):
        text = (Path(published.location) / f"engine/part-{name}/config.pbtxt").read_text()
        part = text_format.Parse(text, DEFINITIONS.ModelConfig())
        assert (part.name, part.max_batch_size) == (f"part-{name}", 64)


def test_its_placement_counts_all_of_its_models(project: Path, published: Packaged) -> None:
    needs = needs_of(project / LOCK, published.name)
    folder = Path(published.location) / "engine"
    assert needs.model_bytes == sum(each.stat().st_size for each in folder.glob("*/*/model.onnx"))


def test_the_steps_compute_what_the_graph_answers(project: Path) -> None:
    (project / "models.yaml").write_text(MODELS + GRAPH)
    spec = load_manifest(project / "models.yaml").models["g"]
    assert spec.graph is not None
    job, _ = resolve_graph(spec, spec.graph, project / LOCK, ())
    assert job.ensemble is not None
    expected = ROWS @ FIRST @ (LEFT + 3 * RIGHT) / 4
    assert np.allclose(computed(job.ensemble)({"x": ROWS})["y"], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("{splitter: [{use: left, weight: 1}, {use: right, weight: 1}]}", "is a splitter, which"),
        ("{ensemble: [left, right], combine: vote}", "combines answers by a vote, which Triton"),
    ],
    ids=["splitter", "vote"],
)
def test_what_an_ensemble_cannot_express_is_refused_with_its_line(
    project: Path, root: str, reason: str
) -> None:
    graph = f"{GRAPH.partition('      nodes:')[0]}      nodes:\n        root: {root}\n"
    with pytest.raises(ManifestError, match=rf"models.yaml:11: .*{reason}.*target: lambda"):
        packaged(project, graph)
