"""The Lambda entry: an event in, an answer out, with one log line and one line of metrics."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from tests.support.interpreter import proxy_event, run_clean
from tests.support.worlds import echo, settings_for

INVOKE = """
import json, sys
from lading.functions.inference.entry.lambda_handler import handler
for event in json.loads(sys.argv[1]):
    print(json.dumps({"answer": handler(event, None)}))
"""


def invoke(settings: ServingSettings, *events: dict[str, Any]) -> list[dict[str, Any]]:
    return run_clean(INVOKE, settings.to_environment(), json.dumps(events))


def test_an_event_is_answered_told_in_one_line(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    event = proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]})
    line, answer = invoke(settings, event)
    assert answer["answer"]["statusCode"] == 200
    assert json.loads(answer["answer"]["body"])["outputs"] == {"y": [[1.0, 2.0]]}
    assert answer["answer"]["headers"]["x-request-id"] == "request-1"
    assert (line["correlation_id"], line["model"], line["status"]) == ("request-1", "m", 200)
    assert (line["Requests"], line["ColdStart"]) == ([1], [1])


def test_counts_are_told_by_function_and_by_its_version_too(tmp_path: Path) -> None:
    context = "SimpleNamespace(function_name='lading-dev-model-m', function_version='7')"
    code = f"from types import SimpleNamespace{INVOKE.replace('None', context)}"
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    event = proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]})
    line, _ = run_clean(code, settings.to_environment(), json.dumps([event]))
    _, directive = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["function_name"], ["function_name", "function_version"]]
    assert (line["function_name"], line["function_version"]) == ("lading-dev-model-m", "7")
    assert all(line[metric["Name"]] in ([0], [1]) for metric in directive["Metrics"])


def test_binary_tensors_travel_in_base64_both_ways(tmp_path: Path) -> None:
    size = {"binary_data_size": 8}
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": size}
    document = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    header, tail = json.dumps(document).encode(), bytes.fromhex("0000803f 000000c0")
    length = {"inference-header-content-length": str(len(header))}
    event = {
        **proxy_event("POST", "/m/v2/models/m/infer"),
        "headers": length,
        "multiValueHeaders": {name: [value] for name, value in length.items()},
        "body": base64.b64encode(header + tail).decode(),
        "isBase64Encoded": True,
    }
    answer = invoke(settings_for(tmp_path, {"m": {1: echo()}}), event)[-1]["answer"]
    assert answer["isBase64Encoded"]
    assert base64.b64decode(answer["body"]).endswith(tail)


def test_a_bad_event_does_not_end_the_process(tmp_path: Path) -> None:
    bad = {**proxy_event("POST", "/m/predict"), "body": "{"}
    good = proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]})
    told = invoke(settings_for(tmp_path, {"m": {1: echo()}}), bad, good)
    statuses = [line["answer"]["statusCode"] for line in told if "answer" in line]
    assert statuses == [400, 200]
    assert [line["status"] for line in told if line.get("message") == "request"] == [400, 200]


def test_a_model_that_cannot_be_loaded_is_logged_at_the_start_and_is_not_ready(
    tmp_path: Path,
) -> None:
    settings = ServingSettings((ServedModel("m", {1: "sha256:0"}),), str(tmp_path))
    told = invoke(settings, proxy_event("GET", "/m/v2/health/ready"))
    assert (told[0]["level"], told[0]["message"]) == ("ERROR", "model failed to load")
    assert told[-1]["answer"]["statusCode"] == 503


def test_settings_that_cannot_be_read_stop_the_start() -> None:
    with pytest.raises(AssertionError, match="LADING_MODELS must be an excerpt of a lock"):
        run_clean(INVOKE, {"LADING_MODELS": "{"}, "[]")


@pytest.mark.parametrize("rows", [1, 5000])
def test_a_body_in_base64_is_read_whatever_its_length(tmp_path: Path, rows: int) -> None:
    event = proxy_event("POST", "/m/predict", {"inputs": [[1, 2]] * rows})
    body = base64.b64encode(event["body"].encode()).decode()
    *_, answer = invoke(
        settings_for(tmp_path, {"m": {1: echo()}}), {**event, "body": body, "isBase64Encoded": True}
    )
    outputs = json.loads(answer["answer"]["body"])["outputs"]
    assert outputs == {"y": [[1.0, 2.0]] * rows}


def test_a_warm_up_is_no_request_and_takes_the_cold_start_from_the_next_one(tmp_path: Path) -> None:
    request = proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]})
    told = invoke(settings_for(tmp_path, {"m": {1: echo()}}), {"warmer": True}, request)
    warm, line, answer = told
    assert warm == {"answer": {"warm": True}}
    assert (line["message"], line["ColdStart"]) == ("request", [0])
    assert answer["answer"]["statusCode"] == 200


@pytest.mark.parametrize("path", ["/m%2Fpredict", "/ml/%6D/predict", "/m/predict"])
def test_an_escaped_path_and_one_below_the_base_path_are_read_as_the_plain_one(
    tmp_path: Path, path: str
) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})._replace(base_path="ml")
    line, answer = invoke(settings, proxy_event("POST", path, {"inputs": [[1, 2]]}))
    assert answer["answer"]["statusCode"] == 200
    assert line["path"] == "/m/predict"


def test_the_front_function_learns_whether_the_models_answer_right(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    (found,) = invoke(settings, {"ladingHealth": True})
    assert found["answer"] == {"statusCode": 200, "body": '{"reason": ""}'}
