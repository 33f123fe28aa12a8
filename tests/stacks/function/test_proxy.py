import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import stacks
from tests.stacks.synthesis import only, resources, statements

FUNCTION = "AWS::Lambda::Function"
ENDPOINT = "AWS::SageMaker::Endpoint"

SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
PROXY = {"FunctionName": "lading-dev-model-chat"}


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Template:
    settings = (
        f"count: {{min: 2, max: 4}}, update: {{alarms: [mine]}}, web_adapter_sha256: {SHA256}"
    )
    return stacks(tmp_path_factory.mktemp("steady"), settings)[0]


def proxy(template: Template) -> dict[str, Any]:
    return dict(only(template, FUNCTION, **PROXY)["Properties"])


def variables(template: Template) -> dict[str, Any]:
    return dict(proxy(template)["Environment"]["Variables"])


def test_the_proxy_is_told_its_endpoint_and_where_its_jobs_lie(steady: Template) -> None:
    told = variables(steady)
    (endpoint,) = resources(steady, ENDPOINT)
    assert told["LADING_ENDPOINT"] == {"Fn::GetAtt": [endpoint, "EndpointName"]}
    assert (told["LADING_ENDPOINT_MODE"], told["LADING_ENDPOINT_HOLD"]) == ("steady", "20")
    assert told["LADING_TWIN_FUNCTION"] == "lading-dev-model-small:live"
    tables = {told[f"LADING_{it}_TABLE"]["Ref"] for it in ("JOBS", "IDEMPOTENCY")}
    assert tables == set(resources(steady, "AWS::DynamoDB::Table"))
    assert told["LADING_JOBS_BUCKET"]["Ref"] in resources(steady, "AWS::S3::Bucket")


def test_the_proxy_streams_behind_the_web_adapter(steady: Template) -> None:
    function = proxy(steady)
    assert function["Handler"] == "lading/functions/inference/entry/serve.sh"
    assert variables(steady)["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert variables(steady)["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert ":layer:LambdaAdapterLayerX86:30" in json.dumps(function["Layers"][-1])
    assert (function["Timeout"], "SnapStart" in function) == (900, False)


def test_a_roll_out_compares_the_digest_of_the_web_adapter(steady: Template) -> None:
    check = only(steady, FUNCTION, FunctionName="lading-dev-check-chat")["Properties"]
    told = check["Environment"]["Variables"]
    assert told["LADING_LAYER_SHA256"] == SHA256
    assert told["LADING_LAYER"] == proxy(steady)["Layers"][-1]
    (allowed,) = statements(steady, "lambda:GetLayerVersion")
    assert allowed["Resource"] == told["LADING_LAYER"]


def test_the_proxy_starts_from_a_snapshot_if_asked_and_the_adapter_knows_its_hooks(
    tmp_path: Path,
) -> None:
    template = stacks(tmp_path, "snap_start: true")[0]
    assert proxy(template)["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    told = variables(template)
    assert told["AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH"] == "/snapstart/before"
    assert told["AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH"] == "/snapstart/after"
