"""Models of a graph that are at endpoints: asked at once, and told apart when one fails."""

from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InferenceError
from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.predictor import take_runs
from tests.functions.inference.graphs.worlds import node, read_graph, step, write_graph
from tests.support import sagemaker
from tests.support.driver import serve
from tests.support.engines import engine
from tests.support.sagemaker import Asked, Reply, model_error
from tests.support.worlds import settings_for, times

ROWS = np.array([[1.0, 2.0]], np.float32)
ENDPOINTS = {name: ServedEndpoint(f"endpoint-of-{name}", time_limit_s=30) for name in ("m", "n")}


@pytest.fixture
def answers(tmp_path: Path) -> Reply:
    """What an engine answers that doubles its input."""
    return engine(serve(settings_for(tmp_path / "engine", {"m": {1: times(2)}})))


def graph(root: Path, kind: str) -> GraphPredictor:
    """A graph of the models `m` and `n` at endpoints and of a small one, `here`."""
    steps = [step("m", returned="a"), step("n", returned="b"), step("here", returned="c")]
    ensemble = [step(use, share=1 / 3) for use in ("m", "here", "n")]
    nodes: dict[str, Any] = {
        "ensemble": node("ensemble", *ensemble, combine={"y": "mean"}),
        "sequence": node("sequence", *steps, outputs=["a", "b", "c"]),
    }
    y = {"name": "y", "datatype": "FP32", "shape": [-1, 2]}
    outputs = [y] if kind == "ensemble" else [{**y, "name": name} for name in "abc"]
    write_graph(
        root,
        {"here": times(5)},
        {"root": nodes[kind]},
        outputs=outputs,
        remote={"m": times(2), "n": times(2)},
    )
    return GraphPredictor(read_graph(root), 1, endpoints=ENDPOINTS)


@pytest.mark.parametrize("kind", ["ensemble", "sequence"])
def test_endpoints_are_asked_at_once_where_neither_needs_the_other(
    tmp_path: Path, answers: Reply, kind: str
) -> None:
    both = Barrier(2, timeout=30)

    def together(handler: Any, asked: Asked) -> None:
        both.wait()  # breaks if the second request waits for the first answer
        answers(handler, asked)

    with sagemaker.running(together) as cloud:
        found = graph(tmp_path, kind).predict({"x": ROWS})
    assert found["y" if kind == "ensemble" else "b"].tolist() == [
        [3.0, 6.0] if kind == "ensemble" else [2.0, 4.0]
    ]
    assert {asked.path.split("/")[2] for asked in cloud.asked} == {"endpoint-of-m", "endpoint-of-n"}
    assert sorted(run.node for run in take_runs()) == ["here", "m", "n"]


def test_an_endpoint_that_fails_is_named_in_the_runs(tmp_path: Path, answers: Reply) -> None:
    def reply(handler: Any, asked: Asked) -> None:
        fails = "endpoint-of-n" in asked.path
        (model_error(500, "out of memory") if fails else answers)(handler, asked)

    with sagemaker.running(reply), pytest.raises(InferenceError):
        graph(tmp_path, "ensemble").predict({"x": ROWS})
    failed = {run.node: bool(run.error) for run in take_runs()}
    assert failed == {"m": False, "here": False, "n": True}


def test_a_graph_without_the_endpoint_of_a_model_does_not_load(tmp_path: Path) -> None:
    root = {"root": node("sequence", step("m"))}
    digest = write_graph(tmp_path, {}, root, remote={"m": times(2)})
    served = ServedModel("graph", {1: digest})
    settings = ServingSettings(models=(served,), model_root=str(tmp_path))
    (failure,) = load_catalog(settings).failures()
    assert "LADING_NODE_ENDPOINTS" in failure.reason
    asked = settings._replace(node_endpoints=ENDPOINTS)
    assert ServingSettings.from_environment(asked.to_environment()) == asked
    assert not load_catalog(asked).failures()
