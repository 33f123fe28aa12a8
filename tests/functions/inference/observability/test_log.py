"""Each request leaves one JSON line, which is its log entry and its metrics."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import EndpointUnready
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.models.prediction import Prediction, predict
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.observability.line import Exchange
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.asgi import App, Message, Receive, Scope, Send
from lading.functions.inference.wire.messages import Observation
from tests.support.driver import ask
from tests.support.worlds import echo, settings_for, with_baseline

GOOD = {"inputs": [[1, 2]]}
Captured = pytest.CaptureFixture[str]


def observed(root: Path) -> App:
    """An application that is flushed after each request, as on Lambda."""
    settings = settings_for(root, {"m": {1: echo()}})
    return Observability(settings).served(create_app(load_catalog(settings)))


def lines(captured: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_request_is_one_log_line(tmp_path: Path, capsys: Captured) -> None:
    app = observed(tmp_path)
    ask(app, "POST /predict", GOOD)
    (line,) = lines(capsys)
    told = {key: line[key] for key in ("message", "level", "service", "method", "path", "status")}
    assert told == {
        "message": "request",
        "level": "INFO",
        "service": "inference",
        "method": "POST",
        "path": "/predict",
        "status": 200,
    }
    assert (line["model"], line["version"], line["dialect"]) == ("m", "1", "plain")
    parts = [line[f"{part}Latency"][0] for part in ("Decode", "Compute", "Encode")]
    assert line["Latency"][0] >= sum(parts) - 0.01


@pytest.fixture
def libraries() -> Iterator[None]:
    """The root logger, as it was before."""
    root = logging.getLogger()
    before = [*root.handlers]
    root.handlers.clear()  # of other tests' servers in this process
    yield
    root.handlers[:] = before
    logging.captureWarnings(False)


@pytest.mark.usefixtures("libraries")
def test_what_libraries_log_is_a_json_line_and_what_the_service_logs_one_only(
    capsys: Captured,
) -> None:
    observability = Observability(ServingSettings())
    observability.write_libraries()
    logging.getLogger("some.library").warning("look out")
    logging.getLogger("another").error("broken", exc_info=ValueError("why"))
    observability.logger.error("our own")
    told = lines(capsys)
    assert [line["message"] for line in told] == ["look out", "broken", "our own"]
    assert "ValueError: why" in told[1]["exception"]


def test_only_the_first_request_is_a_cold_start(tmp_path: Path, capsys: Captured) -> None:
    app = observed(tmp_path)
    for _ in range(3):
        ask(app, "POST /predict", GOOD)
    assert [line["ColdStart"] for line in lines(capsys)] == [[1], [0], [0]]


@pytest.mark.parametrize("header", ["x-request-id", "X-Correlation-Id"])
def test_the_callers_id_is_logged_and_answered(
    tmp_path: Path, capsys: Captured, header: str
) -> None:
    app = observed(tmp_path)
    answer = ask(app, "GET /v2", headers={header: "abc-1"})
    assert answer.headers["x-request-id"] == lines(capsys)[0]["correlation_id"] == "abc-1"


@pytest.mark.parametrize("identity", ["", "a\nb", "\u00e9", "x" * 129])
def test_an_id_unfit_for_a_log_is_replaced(tmp_path: Path, capsys: Captured, identity: str) -> None:
    app = observed(tmp_path)
    answer = ask(app, "GET /v2", headers={"x-request-id": identity})
    assert answer.headers["x-request-id"] == lines(capsys)[0]["correlation_id"]
    assert len(answer.headers["x-request-id"]) == 32


def test_a_bad_request_is_a_warning_with_its_reason(tmp_path: Path, capsys: Captured) -> None:
    app = observed(tmp_path)
    ask(app, "POST /predict", b"{")
    (line,) = lines(capsys)
    assert (line["level"], line["error"], line["status"]) == ("WARNING", "MalformedRequest", 400)
    assert line["reason"].startswith("the body is not JSON")
    assert "exception" not in line


@pytest.mark.parametrize("name", ["\ud800", "z" * 10**6, "\n\x1b[31m"], ids=["lone", "long", "raw"])
def test_a_hostile_name_still_makes_one_short_line(
    tmp_path: Path, capsys: Captured, name: str
) -> None:
    app = observed(tmp_path)
    answer = ask(app, "POST /predict", {"inputs": {name: 1}})
    out = capsys.readouterr().out
    assert (answer.status, out.count("\n"), json.loads(out)["status"]) == (400, 1, 400)
    assert len(out) < 1500
    assert out[:-1].isprintable()


def test_a_hostile_path_still_makes_one_short_line(tmp_path: Path, capsys: Captured) -> None:
    app = observed(tmp_path)
    ask(app, f"GET /v2/\udcff\n{'z' * 10**5}")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert len(out) < 1500


class Faulty(Predictor):
    """A predictor with a fault of its own."""

    metadata = ModelMetadata("m", 1, "none", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        raise RuntimeError("broken")


def test_a_fault_of_the_service_is_logged_with_its_traceback(capsys: Captured) -> None:
    catalog = Catalog({"m": CatalogModel("m", {1: Faulty()})})
    app = Observability(ServingSettings()).served(create_app(catalog))
    ask(app, "POST /predict", {"inputs": {}})
    fault, line = lines(capsys)
    assert (line["level"], line["error"], line["reason"]) == ("ERROR", "RuntimeError", "broken")
    assert "Traceback" in fault["exception"]
    assert fault["correlation_id"] == line["correlation_id"]


def test_models_that_failed_to_load_are_logged(tmp_path: Path, capsys: Captured) -> None:
    settings = ServingSettings((ServedModel("m", {1: ""}),), str(tmp_path))
    Observability(settings).note_failures(load_catalog(settings))
    (line,) = lines(capsys)
    assert (line["level"], line["model"], line["version"]) == ("ERROR", "m", 1)
    assert line["reason"].startswith("models/m/1/artifact.json is missing")


def test_the_metrics_of_a_stage_name_it_and_other_metrics_do_not(
    tmp_path: Path, capsys: Captured
) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    for stage in ("lading-dev", ""):
        named = settings._replace(stage=stage)
        ask(Observability(named).served(create_app(load_catalog(named))), "POST /predict", GOOD)
    first, second = lines(capsys)
    declared = [each["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for each in (first, second)]
    assert declared == [
        [["model", "version", "dialect", "stage"]],
        [["model", "version", "dialect"]],
    ]
    assert first["stage"] == "lading-dev"
    assert "stage" not in second


def test_the_line_is_a_set_of_metrics_with_their_dimensions(
    tmp_path: Path, capsys: Captured
) -> None:
    ask(observed(tmp_path), "POST /predict", GOOD)
    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Lading"
    assert directive["Dimensions"] == [["model", "version", "dialect"]]
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units["Requests"] == "Count"
    assert units["Latency"] == "Milliseconds"
    assert all(isinstance(line[name], list) for name in units)
    counts = [line[name] for name in ("Requests", "ClientErrors", "ServerErrors", "ColdStart")]
    assert counts == [[1], [0], [0], [1]]


@pytest.mark.parametrize(
    ("error", "failures", "waking", "level"),
    [
        (EndpointUnready("m", 1, "cold", "it starts", 60), 0, [1], "WARNING"),
        (EndpointUnready("m", 1, "updating", "it is updated", 30), 0, [1], "WARNING"),
        (EndpointUnready("m", 1, "failed", "it is broken"), 1, None, "ERROR"),
    ],
)
def test_an_endpoint_that_wakes_is_counted_apart_from_one_that_fails(
    capsys: Captured, error: EndpointUnready, failures: int, waking: list[int] | None, level: str
) -> None:
    context = SimpleNamespace(function_name="lading-dev-model-m", function_version="7")
    observability = Observability(ServingSettings((), "", stage="lading-dev"))
    exchange = Exchange("POST", "/predict", 503, "id")
    observability.note(exchange, Observation(error=error), context)
    observability.flush()
    (line,) = lines(capsys)
    assert (line["Requests"], line["ServerErrors"], line["level"]) == ([1], [failures], level)
    assert line.get("EndpointWaking") == waking
    assert line["EndpointUnready"] == [1]
    _, of_function, *of_stage = line["_aws"]["CloudWatchMetrics"]
    declared = {metric["Name"] for metric in of_function["Metrics"]}
    assert ("EndpointWaking" in declared) == (waking is not None)
    counted = [{"Name": "EndpointWaking", "Unit": "Count"}] if waking else []
    assert [it["Metrics"] for it in of_stage] == [counted][: len(counted)]
    assert all(it["Dimensions"] == [["stage"]] for it in of_stage)


def test_only_the_gateway_can_say_that_the_traffic_hook_asks(
    tmp_path: Path, capsys: Captured
) -> None:
    app = observed(tmp_path)
    context = SimpleNamespace(function_name="lading-dev-model-m", function_version="7")

    async def on_lambda(scope: Scope, receive: Receive, send: Send) -> None:
        event = {"requestContext": {"requestId": "a-uuid"}}
        await app({**scope, "aws.context": context, "aws.event": event}, receive, send)

    ask(on_lambda, "POST /predict", GOOD, {"x-request-id": "traffic-hook"})
    (line,) = lines(capsys)
    assert (line["correlation_id"], line["function_version"]) == ("traffic-hook", "7")


def test_metrics_of_a_refused_request_name_no_model_of_the_callers(
    tmp_path: Path, capsys: Captured
) -> None:
    ask(observed(tmp_path), "POST /predict/invented", GOOD)
    (line,) = lines(capsys)
    assert (line["model"], line["version"], line["ClientErrors"]) == ("none", "none", [1])


def test_nothing_is_written_twice(tmp_path: Path, capsys: Captured) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    observability = Observability(settings)
    ask(observability.middleware(create_app(load_catalog(settings))), "GET /v2")
    assert not lines(capsys)
    observability.flush()
    observability.flush()
    assert len(lines(capsys)) == 1


def test_a_server_that_never_flushes_does_not_pile_lines_up(
    tmp_path: Path, capsys: Captured
) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    app = Observability(settings).middleware(create_app(load_catalog(settings)))
    for _ in range(100):
        ask(app, "GET /v2")
    assert len(lines(capsys)) == 100


def test_other_connections_than_http_pass_through_untouched() -> None:
    seen: list[Message] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        seen.append(scope)

    observed_app = Observability(ServingSettings()).middleware(app)
    asyncio.run(observed_app({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


def drifting(root: Path, drift_s: float) -> App:
    """An application whose model has a baseline."""
    settings = with_baseline(root)._replace(drift_s=drift_s)
    return Observability(settings).served(create_app(load_catalog(settings)))


def counts(line: dict[str, Any]) -> list[list[int]]:
    return [feature["counts"] for feature in line["features"]]


def test_what_a_model_with_a_baseline_got_and_answered_is_counted(
    tmp_path: Path, capsys: Captured
) -> None:
    app = drifting(tmp_path, drift_s=1e-9)
    ask(app, "POST /predict", {"inputs": [[1, 2], [3, 11]]})
    ask(app, "POST /predict", {"inputs": [[-1, 2]]})
    *requests, drift = lines(capsys)
    assert [line["message"] for line in (*requests, drift)] == ["request", "request", "drift"]
    assert counts(drift) == [[1, 2, 0, 0], [0, 2, 1, 0]] * 2


def test_a_refused_request_is_not_counted(tmp_path: Path, capsys: Captured) -> None:
    app = drifting(tmp_path, drift_s=1e-9)
    ask(app, "POST /predict", GOOD)
    ask(app, "POST /predict", {"inputs": [["a", 2]]})
    ask(app, "POST /predict", GOOD)
    assert sum(line.get("requests", 0) for line in lines(capsys)) == 2


def test_few_requests_within_a_minute_leave_no_line_yet(tmp_path: Path, capsys: Captured) -> None:
    app = drifting(tmp_path, drift_s=60)
    for _ in range(2):
        ask(app, "POST /predict", GOOD)
    assert {line["message"] for line in lines(capsys)} == {"request"}


def test_nothing_is_counted_where_that_is_switched_off(tmp_path: Path, capsys: Captured) -> None:
    app = drifting(tmp_path, drift_s=0)
    for _ in range(2):
        ask(app, "POST /predict", GOOD)
    assert {line["message"] for line in lines(capsys)} == {"request"}


def test_requests_of_the_traffic_hook_are_not_counted(tmp_path: Path, capsys: Captured) -> None:
    app = drifting(tmp_path, drift_s=1e-9)

    async def on_lambda(scope: Scope, receive: Receive, send: Send) -> None:
        await app(
            {**scope, "aws.event": {"requestContext": {"requestId": "traffic-hook"}}}, receive, send
        )

    ask(on_lambda, "POST /predict", GOOD)
    for _ in range(2):
        ask(app, "POST /predict", GOOD)
    *_, drift = lines(capsys)
    assert drift["requests"] == 2


def test_counts_since_the_last_minute_are_written_at_the_end(
    tmp_path: Path, capsys: Captured
) -> None:
    settings = with_baseline(tmp_path)
    observability = Observability(settings)
    app = observability.served(create_app(load_catalog(settings)))
    for _ in range(3):
        ask(app, "POST /predict", GOOD)
    assert {line["message"] for line in lines(capsys)} == {"request"}
    observability.end()
    (drift,) = lines(capsys)
    assert (drift["requests"], drift["counted"]) == (3, 3)
    observability.end()
    assert lines(capsys) == []


def test_a_logged_request_holds_its_arrays_no_longer(tmp_path: Path) -> None:
    """A connection keeps the observation of its last request."""
    predictor = load_catalog(with_baseline(tmp_path)).model("m").predictor(1)
    seen = Observation()
    predict(Prediction(predictor, {"x": np.zeros((1, 2), np.float32)}), seen)
    assert seen.answered is not None
    Observability(ServingSettings(drift_s=0)).note(Exchange("POST", "/predict", 200, "1"), seen)
    assert seen.answered is None
