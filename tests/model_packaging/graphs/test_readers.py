"""What of a graph gets what callers send: nodes, models, and the steps of these models."""

from pathlib import Path

import numpy as np

from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.model_packaging.graphs.edges import Wired, wire
from lading.model_packaging.graphs.readers import first_steps, reached, readers
from lading.model_packaging.graphs.rows import rows_for
from lading.model_packaging.manifest.models import ModelSpec, load_manifest

IMAGE = TensorSpec("image", "BYTES", (-1,))
PIXELS = TensorSpec("pixels", "FP32", (-1, 3))
SCORES = TensorSpec("scores", "FP32", (-1, 2))
MODELS = {"reader": ((IMAGE,), (PIXELS,)), "judge": ((PIXELS,), (SCORES,))}
MANIFEST = """\
models:
  reader: {source: reader.onnx}
  judge: {source: judge.onnx}
  g:
    graph:
      inputs: [image]
      nodes:
        root: {sequence: [{use: first, inputs: {photo: image}}, judge]}
        first: {sequence: [{use: reader, inputs: {image: photo}}]}
    accuracy: {data: held.csv, metric: accuracy, max_drop: 0}
"""


def wired(folder: Path) -> tuple[ModelSpec, Wired]:
    """A graph whose root uses a node that renames its input."""
    (folder / "models.yaml").write_text(MANIFEST)
    spec = load_manifest(folder / "models.yaml").models["g"]
    assert spec.graph is not None
    return spec, wire(spec, spec.graph, MODELS)


def test_inputs_of_the_graph_are_followed_through_the_names_of_nodes(tmp_path: Path) -> None:
    _, graph = wired(tmp_path)
    assert [dict(names) for _, names in reached(graph)] == [{"image": "image"}, {"photo": "image"}]
    assert [*readers(graph, MODELS)] == [("judge", {}), ("reader", {"image": "image"})]


def test_only_steps_of_models_that_callers_reach_count(tmp_path: Path) -> None:
    _, graph = wired(tmp_path)
    models = {
        name: Artifact(name, "", "", (), (), b"", None, {"processing": [{"step": step}]})
        for name, step in (("reader", "image"), ("judge", "labels"))
    }
    assert first_steps(graph, models) == [{"step": "image"}]


def test_held_out_rows_of_a_graph_may_be_files_of_images(tmp_path: Path) -> None:
    spec, graph = wired(tmp_path)
    (tmp_path / "a.png").write_bytes(b"a picture")
    (tmp_path / "held.csv").write_text("image,y\na.png,0\na.png,1\n")
    rows = rows_for(spec, graph, {}, images=True)
    assert rows.inputs["image"].tolist() == [b"a picture"] * 2
    assert np.asarray(rows.truth).tolist() == [0, 1]
