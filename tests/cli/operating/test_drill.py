import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lading.cli.operating.drill import ask_golden, is_healthy
from lading.cli.smoke.golden import StableModel
from tests.cli.conftest import Lading

TENSOR = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
MODEL = StableModel(
    "double", 1, tensors=[{"inputs": [TENSOR], "outputs": [{**TENSOR, "name": "y"}]}]
)


class Api(BaseHTTPRequestHandler):
    """An API below /dev whose status tests choose."""

    status = 200

    def do_GET(self) -> None:
        found = self.path == "/dev/health/predict"
        self.send_response(self.status if found else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/dev"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (429, False)])
def test_a_region_is_healthy_when_its_public_health_check_answers_200(
    url: str, monkeypatch: pytest.MonkeyPatch, status: int, healthy: bool
) -> None:
    monkeypatch.setattr(Api, "status", status)
    assert is_healthy(url) is healthy


def test_a_region_that_is_not_there_is_not_healthy_and_loses_requests() -> None:
    nowhere = "http://127.0.0.1:1/dev"
    assert not is_healthy(nowhere)
    assert ask_golden(nowhere, MODEL, "lading_none") == "lost"


def test_an_answer_that_is_not_the_golden_one_is_wrong_and_not_lost(url: str) -> None:
    assert ask_golden(url, MODEL, "lading_none") == "wrong"


def test_nothing_is_started_without_a_model_to_ask(lading: Lading) -> None:
    result = lading("drill", "failover")
    assert result.code == 4
    assert "models.lock.json" in result.err
