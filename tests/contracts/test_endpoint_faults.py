"""What goes wrong at an endpoint has its status in every dialect, its advice, and its count."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.names import METRICS
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.observability.log import Observability
from tests.support import sagemaker
from tests.support.driver import Answer, ask, serve
from tests.support.engines import proxy
from tests.support.sagemaker import (
    COLD,
    MISSING,
    Reply,
    answer,
    hang_up,
    model_error,
    refusal,
    silence,
)
from tests.support.worlds import echo

TENSOR = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
REQUESTS: dict[str, tuple[str, Any]] = {
    "plain": ("POST /predict", {"inputs": [[1, 2]]}),
    "tensorflow_serving": ("POST /v1/models/m:predict", {"instances": [[1, 2]]}),
    "open_inference": ("POST /v2/models/m/infer", {"inputs": [TENSOR]}),
}

FAULTS: dict[str, tuple[Reply, int, str, dict[str, str]]] = {
    "throttled": (refusal(400, "ThrottlingException"), 429, "Throttled", {"retry-after": "1"}),
    "unavailable": (refusal(503, "ServiceUnavailable"), 429, "Throttled", {"retry-after": "1"}),
    "timed out": (silence(5), 504, "TimedOut", {}),
    "slow engine": (model_error(0, "invocation timed out"), 504, "TimedOut", {}),
    "model error": (model_error(500, "CUDA error"), 500, "PredictionFailures", {}),
    "refused": (model_error(400, "bad shape"), 400, "RefusedByEngine", {}),
    "too large": (refusal(413, "RequestEntityTooLarge"), 413, "RequestsTooLarge", {}),
    "died": (hang_up(), 500, "PredictionFailures", {}),
    "nonsense": (answer(b"oops", "text/html"), 500, "PredictionFailures", {}),
    "cold": (COLD, 503, "EndpointUnready", {"lading-reason": "cold", "retry-after": "60"}),
    "missing": (MISSING, 503, "EndpointUnready", {"lading-reason": "failed"}),
}


def exchange(root: Path, request: tuple[str, Any], reply: Reply, time_limit_s: float) -> Answer:
    """One request through the proxy; its log line is on standard output."""
    settings = proxy(root, "m", echo(), time_limit_s=time_limit_s)
    app = Observability(ServingSettings()).served(serve(settings))
    with sagemaker.running(reply):
        return ask(app, *request)


@pytest.mark.parametrize("dialect", REQUESTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_a_status_advice_and_a_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dialect: str, fault: str
) -> None:
    reply, status, metric, headers = FAULTS[fault]
    found = exchange(tmp_path, REQUESTS[dialect], reply, 0.5 if fault == "timed out" else 20)
    assert (found.status, bool(found.error)) == (status, True)
    assert headers.items() <= found.headers.items()
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["dialect"], line[metric]) == (dialect, [1])
    declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert {"Name": metric, "Unit": "Count"} in declared


@pytest.mark.parametrize("state", ["Updating", "Failed"])
def test_an_endpoint_says_itself_what_it_is_doing(tmp_path: Path, state: str) -> None:
    app = serve(proxy(tmp_path, "m", echo()))
    with sagemaker.running(MISSING, DescribeEndpoint={"EndpointStatus": state}):
        found = ask(app, *REQUESTS["plain"])
    assert (found.status, found.headers["lading-reason"]) == (503, state.lower())


def test_every_counted_fault_is_an_error_of_ours() -> None:
    from lading.functions.contract import errors

    assert all(issubclass(getattr(errors, name), errors.InferenceError) for name in METRICS.faults)
