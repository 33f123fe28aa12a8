"""Measures memory and time on one processor for serving a graph, in a separate process.

`python -m lading.model_packaging.graphs.footprint FOLDER` is the child: it reads the graph's files
and a request from the folder, and prints its figures as JSON. The ONNX models of nodes that engines
serve run there too, so the figures are an upper bound for such a graph.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import Graph
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.graphs.nodes import PackagedNode
from lading.model_packaging.measure.peak_memory import (
    TIMEOUT,
    Footprint,
    failure_of,
    plain,
    repeated,
    text,
)

_GRAPH: Final = "graph"
_ENGINES: Final = "engines"
_REQUEST: Final = "request.npz"


def measure_graph(
    name: str,
    files: Mapping[str, bytes],
    nodes: Mapping[str, PackagedNode],
    request: Mapping[str, Array],
) -> Footprint:
    """Load a graph in a separate process, and let it answer a request repeatedly.

    Args:
        name: the graph.
        files: the files of its artifact.
        nodes: its models.
        request: a request.

    Raises:
        MeasurementFailed: the process failed, or was killed for lack of memory or time.
    """
    engines = {each.name: each.here().model for each in nodes.values() if each.remote}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for below, contents in ((_GRAPH, files), (_ENGINES, engines)):
            (folder / below).mkdir()
            for file, content in contents.items():
                (folder / below / file).write_bytes(content)
        np.savez(
            folder / _REQUEST, allow_pickle=False, **{key: plain(it) for key, it in request.items()}
        )
        command = [sys.executable, "-m", __name__, temporary]
        try:
            ended = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=True)
            return Footprint(**json.loads(ended.stdout))
        except subprocess.SubprocessError as error:
            raise failure_of(name, error) from error


def _serve(folder: Path) -> Footprint:
    """Measure, in the child process."""
    artifact = read_artifact(folder / _GRAPH)
    assert artifact.graph is not None
    models = dict(artifact.graph.models)
    for file in (folder / _ENGINES).iterdir():
        served = models[file.name]
        here = served.artifact._replace(model=file.read_bytes(), engine=None)
        models[file.name] = served._replace(artifact=here)
    graph = Graph(artifact.graph.nodes, models)
    predictor = GraphPredictor(artifact._replace(graph=graph), 0, threads=1)
    with np.load(folder / _REQUEST, allow_pickle=False) as arrays:
        request = {name: text(arrays[name]) for name in arrays.files}
    return repeated(predictor.predict, request)


if __name__ == "__main__":
    found = _serve(Path(sys.argv[1]))
    sys.stdout.write(json.dumps({name: getattr(found, name) for name in Footprint.__slots__}))
