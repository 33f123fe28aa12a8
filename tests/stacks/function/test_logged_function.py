from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from tests.stacks.projects import locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources

FUNCTION = {"FunctionName": "lading-dev-model-digits"}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in S3 that fits in a layer."""
    return one_model(tmp_path_factory.mktemp("layered"), locked(s3_copy("digits")))


def environment(template: Template) -> Mapping[str, str]:
    function = only(template, "AWS::Lambda::Function", **FUNCTION)
    return dict(function["Properties"]["Environment"]["Variables"])


def test_the_function_is_traced_logged_and_starts_from_a_snapshot(layered: Template) -> None:
    function = only(layered, "AWS::Lambda::Function", **FUNCTION)["Properties"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert function["Runtime"] == "python3.13"
    assert len(function["Layers"]) == 2
    name = "/aws/lambda/lading-dev-model-digits"
    layered.has_resource_properties(
        "AWS::Logs::LogGroup", {"LogGroupName": name, "RetentionInDays": 90}
    )


def test_a_stage_sets_memory_time_and_threads(tmp_path: Path) -> None:
    stages = """
stages:
  dev:
    log_retention_days: 7
    architecture: arm64
    cors: [https://a.example, https://b.example]
    defaults: {memory_mb: 3538}
    models:
      digits: {timeout_s: 5, snap_start: false, reserved_concurrency: 4}
"""
    template = one_model(tmp_path, locked(s3_copy("digits")), stages)
    function = only(template, "AWS::Lambda::Function", **FUNCTION)["Properties"]
    assert (function["MemorySize"], function["Timeout"]) == (3538, 5)
    assert function["ReservedConcurrentExecutions"] == 4
    assert function["Architectures"] == ["arm64"]
    assert "SnapStart" not in function
    assert environment(template)["LADING_THREADS"] == "2"
    assert environment(template)["LADING_CORS"] == "https://a.example,https://b.example"
    retentions = resources(template, "AWS::Logs::LogGroup").values()
    assert {group["Properties"]["RetentionInDays"] for group in retentions} == {7}
