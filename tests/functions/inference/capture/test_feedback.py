"""Requests are captured, and truths about them are accepted, by the whole service."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.invocation import proxy_event
from lading.functions.contract.names import HOOK
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.capture.feedback import LONGEST_BODY
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.asgi import App
from tests.functions.inference.capture.captures import captured_in
from tests.support.driver import Answer, ask
from tests.support.worlds import echo, settings_for, times

TOKEN = "0123456789abcdef"  # noqa: S105 of a test
ROW = {"inputs": [[0.25, 0.75]]}
OF_ANSWER = {"model": "m", "version": 1, "outputs": {"y": [[0.25, 0.75]]}}


def settings(root: Path, **changes: Any) -> ServingSettings:
    capture = CaptureSettings(str(root / "captures"), feedback=True)._replace(**changes)
    return settings_for(root, {"m": {1: echo()}, "n": {1: times(2)}})._replace(capture=capture)


class Service:
    """The application with its log and its metrics."""

    def __init__(self, root: Path, **changes: Any) -> None:
        self.settings, self.metrics = settings(root, **changes), Metrics()
        observability = Observability(self.settings, self.metrics.note)
        self.app: App = observability.served(create_app(load_catalog(self.settings)))

    def predict(self, identity: str, body: Any = ROW, path: str = "/predict/m") -> Answer:
        return ask(self.app, f"POST {path}", body, {"x-request-id": identity})

    def tell(self, document: Any, path: str = "/feedback/m", **headers: str) -> Answer:
        return ask(self.app, f"POST {path}", document, headers)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def counted(captured: pytest.CaptureFixture[str]) -> list[Mapping[str, Any]]:
    lines = map(json.loads, captured.readouterr().out.splitlines())
    return [line for line in lines if line["message"] == "feedback"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict/m", ROW),
        ("/m/predict", ROW),
        ("/v1/models/m:predict", {"instances": [[0.25, 0.75]]}),
        (
            "/v2/models/m/infer",
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [0.25, 0.75]}]},
        ),
    ],
)
def test_every_dialect_is_captured_alike(
    service: Service, tmp_path: Path, path: str, body: Any
) -> None:
    assert service.predict("id-1", body, path).status == 200
    (found,) = captured_in(tmp_path)
    assert (found.id, found.request.content) == ("id-1", b'{"inputs":{"x":[[0.25,0.75]]}}')


def test_what_was_not_answered_is_not_captured(service: Service, tmp_path: Path) -> None:
    assert service.predict("id-1", {"inputs": "no"}).status == 400
    assert captured_in(tmp_path) == []


def test_the_requests_of_a_roll_out_are_not_captured(tmp_path: Path) -> None:
    handler = create_handler(settings(tmp_path))
    body = json.dumps(ROW).encode()
    event = proxy_event("POST", "/m/predict", {"content-type": "application/json"}, body)
    hook = {**event, "requestContext": {**event["requestContext"], "requestId": HOOK.request_id}}
    assert handler(hook, None)["statusCode"] == 200
    assert captured_in(tmp_path) == []
    assert handler(event, None)["statusCode"] == 200
    assert len(captured_in(tmp_path)) == 1


def test_an_answer_is_not_lost_when_it_cannot_be_captured(tmp_path: Path) -> None:
    (tmp_path / "captures").write_text("no folder")
    assert Service(tmp_path).predict("id-1").status == 200


def test_a_truth_is_counted_once(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    service.predict("id-1")
    first = service.tell({"request_id": "id-1", "truth": 1})
    assert first.document == {"model": "m", "version": 1, "rows": 1, "counted": True}
    again = service.tell({"request_id": "id-1", "truth": 0})
    assert (again.status, again.document["counted"]) == (200, False)
    (line,) = counted(capsys)
    told = {key: line[key] for key in ("model", "version", "FeedbackRows", "FeedbackCorrect")}
    assert told == {"model": "m", "version": "1", "FeedbackRows": 1, "FeedbackCorrect": 1}
    page = service.metrics.page()[0].decode()
    assert 'lading_feedback_rows_total{model="m",version="1"} 1.0' in page
    assert 'lading_feedback_correct_total{model="m",version="1"} 1.0' in page


def test_of_truths_at_the_same_time_one_is_counted(service: Service) -> None:
    service.predict("id-1")
    with ThreadPoolExecutor(8) as pool:
        told = pool.map(lambda truth: service.tell({"request_id": "id-1", "truth": truth}), [1] * 8)
        assert [answer.document["counted"] for answer in told].count(True) == 1


def test_an_id_that_was_not_captured_is_404(service: Service, tmp_path: Path) -> None:
    service.predict("id-1")
    answer = service.tell({"request_id": "id-2", "truth": 1})
    assert (answer.status, "was not captured" in answer.error) == (404, True)
    other = service.tell({"request_id": "id-1", "truth": 1}, "/feedback/n")
    assert other.status == 404
    assert not [*tmp_path.rglob("feedback/**/*.jsonl")]


def test_an_answer_that_is_sent_along_needs_no_capture(service: Service) -> None:
    body = {"id": "order-7", "answer": OF_ANSWER, "truth": [0]}
    assert service.tell(body).document["counted"] is True
    assert service.tell(body).document["counted"] is False
    assert service.tell({**body, "id": "order-8"}).document["counted"] is True


def test_an_id_of_ones_own_is_no_id_of_a_request(service: Service) -> None:
    service.predict("id-1")
    own = service.tell({"id": "id-1", "answer": OF_ANSWER, "truth": 1})
    captured = service.tell({"request_id": "id-1", "truth": 1})
    assert own.document["counted"] is captured.document["counted"] is True


def test_a_field_that_is_not_kept_cannot_be_judged(tmp_path: Path) -> None:
    service = Service(tmp_path, fields=("x",))
    service.predict("id-1")
    answer = service.tell({"request_id": "id-1", "truth": 1})
    assert (answer.status, "capture.fields" in answer.error) == (400, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no JSON", 400),
        ([], 400),
        ({"truth": 1}, 400),
        ({"request_id": "id-1"}, 400),
        ({"request_id": 7, "truth": 1}, 400),
        ({"request_id": "", "truth": 1}, 400),
        ({"request_id": "é", "truth": 1}, 400),
        ({"request_id": "x" * 129, "truth": 1}, 400),
        ({"request_id": "id-1", "truth": 1, "more": 1}, 400),
        ({"request_id": "id-1", "truth": 2}, 400),
        ({"request_id": "id-1", "truth": "cat"}, 400),
        ({"request_id": "id-1", "truth": [1] * 20_000}, 400),
        ({"id": "a", "answer": 1, "truth": 1}, 400),
        ({"id": "a", "answer": {"outputs": 1}, "truth": 1}, 400),
        ({"id": "a", "answer": {**OF_ANSWER, "model": "n"}, "truth": 1}, 400),
        ({"id": "a", "answer": {**OF_ANSWER, "version": "1"}, "truth": 1}, 400),
        ({"id": "a", "answer": {**OF_ANSWER, "version": True}, "truth": 1}, 400),
        ({"id": "a", "answer": {**OF_ANSWER, "version": 1_000_000}, "truth": 1}, 400),
        (b" " * (LONGEST_BODY + 1), 413),
    ],
)
def test_a_wrong_truth_is_refused_and_counted_nowhere(
    service: Service, body: Any, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    service.predict("id-1")
    assert service.tell(body).status == status
    assert counted(capsys) == []


def test_it_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    service = Service(tmp_path, feedback=False)
    service.predict("id-1")
    answer = service.tell({"request_id": "id-1", "truth": 1})
    assert (answer.status, "is not accepted here" in answer.error) == (404, True)
    assert "/feedback/{model}" not in ask(service.app, "GET /openapi.json").document["paths"]


def test_it_is_in_the_openapi_document_where_it_is_on(service: Service) -> None:
    assert "/feedback/{model}" in ask(service.app, "GET /openapi.json").document["paths"]


@pytest.mark.parametrize("path", ["/m/feedback/m", "/m/feedback", "/feedback", "/m/feedback/n"])
def test_whoever_may_call_a_models_base_url_only_may_not_tell_truths(
    service: Service, path: str
) -> None:
    service.predict("id-1")
    assert service.tell({"request_id": "id-1", "truth": 1}, path).status == 404


def test_a_model_that_is_not_served_gets_no_truth(service: Service) -> None:
    assert service.tell({"request_id": "id-1", "truth": 1}, "/feedback/other").status == 404


@pytest.mark.parametrize(
    ("sent", "status"),
    [("", 401), (f"Bearer {TOKEN}x", 401), (f"Basic {TOKEN}", 401), (f"bearer {TOKEN}", 200)],
)
def test_a_container_wants_a_token_of_its_own(tmp_path: Path, sent: str, status: int) -> None:
    service = Service(tmp_path, token=TOKEN)
    assert service.predict("id-1").status == 200
    told = service.tell({"request_id": "id-1", "truth": 1}, authorization=sent)
    assert told.status == status
    assert TOKEN not in told.body.decode()


def test_a_store_that_is_away_acknowledges_nothing(tmp_path: Path) -> None:
    (tmp_path / "captures").write_text("no folder")
    told = Service(tmp_path).tell({"id": "a", "answer": OF_ANSWER, "truth": 1})
    assert told.status == 503


def test_versions_that_callers_make_up_share_a_label(service: Service) -> None:
    for version in range(1, 140):
        answer = {**OF_ANSWER, "version": version}
        service.tell({"id": f"a-{version}", "answer": answer, "truth": 1})
    page = service.metrics.page()[0].decode()
    assert page.count("lading_feedback_rows_total{") == 101
    assert 'lading_feedback_rows_total{model="m",version="other"} 39.0' in page


def test_a_truth_of_numbers_adds_its_errors(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.predict("id-1", {"inputs": [[2.0]]}, "/predict/n")
    told = service.tell({"request_id": "id-1", "truth": 3.5}, "/feedback/n")
    assert told.document["counted"] is True
    page = service.metrics.page()[0].decode()
    assert 'lading_feedback_absolute_error_total{model="n",version="1"} 0.5' in page
    (file,) = tmp_path.rglob("feedback/n/*.jsonl")
    kept = json.loads(file.read_text())
    assert kept["groundTruthData"] == {"data": "3.5", "encoding": "CSV"}
    assert np.isclose(kept["lading"]["squared"], 0.25)
