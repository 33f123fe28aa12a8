"""A graph asks the endpoints of its large models, of the versions that it was tested with."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.stacks.errors import PlanError
from lading.stacks.plan.models import plan_models
from lading.stacks.stages.settings import load_deployment
from tests.stacks.projects import locked, s3_copy, served_by_engine, write_project
from tests.stacks.synthesis import only, statements, synthesise

GRAPH = {"source": None, "graph": {"inputs": ["x"], "nodes": {"root": {"sequence": ["big"]}}}}
STAGES = """
stages:
  dev:
    regions: [eu-central-1]
    models: {big: {sagemaker: {instances: [ml.g5.xlarge], mode: MODE}}}
"""


def project(folder: Path, tested: int = 3, mode: str = "steady", **lock: Any) -> None:
    """A graph of a model at an endpoint and of a small one; the endpoint's version is 3."""
    models = {
        "g": locked(s3_copy("g"), nodes={"big": tested, "small": 3}),
        "big": served_by_engine("big"),
        "small": locked(s3_copy("small")),
        **lock,
    }
    write_project(
        folder, models, STAGES.replace("MODE", mode), g=GRAPH, big={"target": "sagemaker"}
    )


def test_the_function_of_a_graph_may_ask_the_endpoint_of_its_large_model(tmp_path: Path) -> None:
    project(tmp_path)
    (region,) = synthesise(tmp_path)
    graph, big, _ = region.models
    template = Template.from_stack(graph)
    function = only(template, "AWS::Lambda::Function", FunctionName="lading-dev-model-g")
    variables = function["Properties"]["Environment"]["Variables"]
    asked = json.dumps(variables["LADING_NODE_ENDPOINTS"])
    assert "big" in asked
    assert "small" not in asked
    assert "LADING_ENDPOINT" not in variables
    assert big in graph.dependencies
    (invoke,) = statements(template, "sagemaker:InvokeEndpoint")
    assert "lading-dev-model-big" in json.dumps(invoke["Resource"])


def test_a_graph_at_an_endpoint_of_its_own_asks_no_other(tmp_path: Path) -> None:
    whole = served_by_engine("g")
    whole["versions"]["3"]["nodes"] = {"big": 3}
    lock = {"g": whole, "big": served_by_engine("big")}
    machine = "{sagemaker: {instances: [ml.g5.xlarge]}}"
    stages = f"stages: {{dev: {{models: {{g: {machine}, big: {machine}}}}}}}\n"
    graph = {**GRAPH, "target": "sagemaker"}
    write_project(tmp_path, lock, stages, g=graph, big={"target": "sagemaker"})
    deployment = load_deployment(tmp_path / "stages.yaml", "dev")
    files = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    planned = {each.name: each for each in plan_models(*files, deployment, "eu-central-1").models}
    assert planned["g"].remote == ()
    assert planned["g"].endpoint is not None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tested": 2}, "tested with version 2 of 'big', and version 3 would answer; run `lading"),
        ({"mode": "async"}, "the endpoint of its model 'big' is asynchronous; set its mode"),
    ],
)
def test_a_graph_whose_endpoint_would_answer_otherwise_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    project(tmp_path, **changes)
    if "tested" in changes:
        lock = json.loads((tmp_path / "models.lock.json").read_text())
        lock["big"]["versions"]["2"] = lock["big"]["versions"]["3"]
        (tmp_path / "models.lock.json").write_text(json.dumps(lock))
    deployment = load_deployment(tmp_path / "stages.yaml", "dev")
    files = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    with pytest.raises(PlanError, match=reason):
        plan_models(*files, deployment, "eu-central-1")
