"""Each request leaves one JSON log line and one set of metrics."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from functions.inference.application import create_app
from functions.inference.asgi import App, Message
from functions.inference.catalog import Catalog, CatalogModel, load_catalog
from functions.inference.observability import Observability
from functions.inference.predictor import ModelMetadata
from functions.inference.settings import ServedModel, Settings
from functions.inference.tensors import Array
from tests.driver import ask
from tests.worlds import echo, settings_for

GOOD = {"inputs": [[1, 2]]}
Captured = pytest.CaptureFixture[str]


def observed(root: Path) -> tuple[Observability, App]:
    settings = settings_for(root, {"m": {1: echo()}})
    observability = Observability(settings)
    return observability, observability.middleware(create_app(load_catalog(settings)))


def lines(captured: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_request_is_one_log_line(tmp_path: Path, capsys: Captured) -> None:
    _, app = observed(tmp_path)
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
    assert (line["model"], line["version"], line["dialect"]) == ("m", 1, "plain")
    assert line["total_ms"] >= line["decode_ms"] + line["compute_ms"] + line["encode_ms"] - 0.01


def test_only_the_first_request_is_a_cold_start(tmp_path: Path, capsys: Captured) -> None:
    _, app = observed(tmp_path)
    for _ in range(3):
        ask(app, "POST /predict", GOOD)
    assert [line["cold_start"] for line in lines(capsys)] == [True, False, False]


@pytest.mark.parametrize("header", ["x-request-id", "X-Correlation-Id"])
def test_the_callers_id_is_logged_and_answered(
    tmp_path: Path, capsys: Captured, header: str
) -> None:
    _, app = observed(tmp_path)
    answer = ask(app, "GET /v2", headers={header: "abc-1"})
    assert answer.headers["x-request-id"] == lines(capsys)[0]["correlation_id"] == "abc-1"


@pytest.mark.parametrize("identity", ["", "a\nb", "\u00e9", "x" * 129])
def test_an_id_unfit_for_a_log_is_replaced(tmp_path: Path, capsys: Captured, identity: str) -> None:
    _, app = observed(tmp_path)
    answer = ask(app, "GET /v2", headers={"x-request-id": identity})
    assert answer.headers["x-request-id"] == lines(capsys)[0]["correlation_id"]
    assert len(answer.headers["x-request-id"]) == 32


def test_a_bad_request_is_a_warning_with_its_reason(tmp_path: Path, capsys: Captured) -> None:
    _, app = observed(tmp_path)
    ask(app, "POST /predict", b"{")
    (line,) = lines(capsys)
    assert (line["level"], line["error"], line["status"]) == ("WARNING", "MalformedRequest", 400)
    assert line["reason"].startswith("the body is not JSON")
    assert "exception" not in line


@pytest.mark.parametrize("name", ["\ud800", "z" * 10**6, "\n\x1b[31m"], ids=["lone", "long", "raw"])
def test_a_hostile_name_still_makes_one_short_line(
    tmp_path: Path, capsys: Captured, name: str
) -> None:
    _, app = observed(tmp_path)
    answer = ask(app, "POST /predict", {"inputs": {name: 1}})
    out = capsys.readouterr().out
    assert (answer.status, out.count("\n"), json.loads(out)["status"]) == (400, 1, 400)
    assert len(out) < 1000
    assert out[:-1].isprintable()


def test_a_hostile_path_still_makes_one_short_line(tmp_path: Path, capsys: Captured) -> None:
    _, app = observed(tmp_path)
    ask(app, f"GET /v2/\udcff\n{'z' * 10**5}")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert len(out) < 1000


class Faulty:
    """A predictor with a fault of its own."""

    metadata = ModelMetadata("m", 1, "none", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        raise RuntimeError("broken")


def test_a_fault_of_the_service_is_logged_with_its_traceback(capsys: Captured) -> None:
    app = Observability(Settings()).middleware(
        create_app(Catalog({"m": CatalogModel("m", {1: Faulty()})}))
    )
    ask(app, "POST /predict", {"inputs": {}})
    (line,) = lines(capsys)
    assert (line["level"], line["error"], line["reason"]) == ("ERROR", "RuntimeError", "broken")
    assert "Traceback" in line["exception"]


def test_models_that_failed_to_load_are_logged(tmp_path: Path, capsys: Captured) -> None:
    settings = Settings((ServedModel("m", {1: ""}),), str(tmp_path))
    Observability(settings).note_failures(load_catalog(settings))
    (line,) = lines(capsys)
    assert (line["level"], line["model"], line["version"]) == ("ERROR", "m", 1)
    assert line["reason"].startswith("models/m/1/artifact.json is missing")


def test_metrics_wait_for_the_flush_and_carry_their_dimensions(
    tmp_path: Path, capsys: Captured
) -> None:
    observability, app = observed(tmp_path)
    ask(app, "POST /predict", GOOD)
    assert len(lines(capsys)) == 1
    observability.flush()
    (metrics,) = lines(capsys)
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (
        "Lading",
        [["model", "version", "dialect"]],
    )
    assert (metrics["model"], metrics["version"], metrics["dialect"]) == ("m", "1", "plain")
    counts = [metrics[name] for name in ("Requests", "ClientErrors", "ServerErrors", "ColdStart")]
    assert counts == [[1.0], [0.0], [0.0], [1.0]]
    assert metrics["Latency"][0] > 0
    observability.flush()
    assert not lines(capsys)


def test_metrics_of_a_refused_request_name_no_model_of_the_callers(
    tmp_path: Path, capsys: Captured
) -> None:
    observability, app = observed(tmp_path)
    ask(app, "POST /predict/invented", GOOD)
    capsys.readouterr()
    observability.flush()
    (metrics,) = lines(capsys)
    assert (metrics["model"], metrics["version"], metrics["ClientErrors"]) == ("none", "none", [1])


def test_a_server_that_never_flushes_does_not_pile_metrics_up(
    tmp_path: Path, capsys: Captured
) -> None:
    _, app = observed(tmp_path)
    for _ in range(100):
        ask(app, "GET /v2")
    assert sum("_aws" in line for line in lines(capsys)) == 100


def test_other_connections_than_http_pass_through_untouched() -> None:
    seen: list[Message] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        seen.append(scope)

    observed_app = Observability(Settings()).middleware(app)
    asyncio.run(observed_app({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]
