"""Who a request says it is from, as a server sees it."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lading.api.caller import Caller
from lading.api.errors import AwsRefused, ServerError
from tests.cli.conftest import Lading
from tests.support.s3 import aws

TOKEN = "lading_" + "t" * 43
ANSWER = {"model": "double", "version": 1, "outputs": {"y": [[2.0]]}}
DEPLOYED = "https://abc123.execute-api.eu-west-1.amazonaws.com/dev/predict/double"


@dataclass
class Server:
    """A server that keeps what it was sent; `redirect` sends the caller elsewhere."""

    url: str = ""
    seen: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    redirect: str | None = None


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.seen.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self._answer()

        def do_GET(self) -> None:
            made.seen.append(({key.lower(): value for key, value in self.headers.items()}, b""))
            made.redirect = None
            self._answer()

        def _answer(self) -> None:
            content = json.dumps(ANSWER).encode()
            self.send_response(302 if made.redirect else 200)
            if made.redirect:
                self.send_header("location", made.redirect)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,)).start()
    made.url = f"http://127.0.0.1:{running.server_port}"
    yield made
    running.shutdown()
    running.server_close()


@pytest.fixture
def sample(workspace: Path) -> str:
    path = workspace / "sample.json"
    path.write_text('{"inputs": [[1]]}')
    return str(path)


def signature(headers: Mapping[str, str], path: str, body: bytes) -> str:
    """Signature Version 4, computed as its specification says."""
    credential, signed, _ = (it.partition("=")[2] for it in headers["authorization"].split(", "))
    _, day, region, service, _ = credential.split("/")
    names = signed.split(";")
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    payload = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n{path}\n\n{lines}\n{signed}\n{payload}"
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    key = b"AWS4test"
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_a_server_of_ones_own_learns_nothing(server: Server, lading: Lading, sample: str) -> None:
    assert lading("predict", "double", "-i", sample, "--url", server.url).code == 0
    assert "authorization" not in server.seen[0][0]


def test_a_token_goes_with_the_request(server: Server, lading: Lading, sample: str) -> None:
    result = lading(
        "predict", "double", "-i", sample, "--url", server.url, "--token", TOKEN, "--json"
    )
    assert result.document == ANSWER
    assert server.seen[0][0]["authorization"] == f"Bearer {TOKEN}"


def test_the_token_can_come_from_the_environment(
    server: Server, lading: Lading, sample: str
) -> None:
    with aws("http://unused", LADING_TOKEN=TOKEN):
        lading("predict", "double", "-i", sample, "--url", server.url)
    assert server.seen[0][0]["authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_does_not_get_the_token(server: Server, lading: Lading, sample: str) -> None:
    server.redirect = f"{server.url}/elsewhere"
    result = lading("predict", "double", "-i", sample, "--url", server.url, "--token", TOKEN)
    assert (len(server.seen), result.code) == (1, 7)
    assert f"redirects to {server.url}/elsewhere" in result.err


def test_a_signature_is_valid_for_the_path_and_the_body(
    server: Server, lading: Lading, sample: str
) -> None:
    with aws("http://unused", AWS_DEFAULT_REGION="eu-west-1"):
        assert lading("predict", "double", "-i", sample, "--url", server.url, "--sign").code == 0
    ((headers, body),) = server.seen
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    expected = signature(headers, "/predict/double", body)
    assert headers["authorization"].endswith(f"Signature={expected}")


def test_an_address_of_api_gateway_is_signed_for_its_region_without_being_told() -> None:
    with aws("http://unused", AWS_DEFAULT_REGION="us-east-1"):
        headers = Caller().headers(DEPLOYED, b"{}", {"Content-Type": "application/json"})
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert "content-type" in headers["Authorization"]


def test_a_session_token_is_sent_along() -> None:
    with aws("http://unused", AWS_SESSION_TOKEN="session"):  # noqa: S106 nobody's
        assert Caller().headers(DEPLOYED, b"", {})["X-Amz-Security-Token"] == "session"


def test_a_token_is_enough_for_an_address_of_api_gateway() -> None:
    assert Caller(TOKEN).headers(DEPLOYED, b"", {}) == {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "url", ["http://ml.example.com/predict/m", "http://10.0.0.1/", "http://localhost.example.com/"]
)
def test_a_token_crosses_no_network_in_the_clear(url: str) -> None:
    with pytest.raises(ServerError, match="use https") as caught:
        Caller(TOKEN).headers(url, b"", {})
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/", "http://a.localhost/", "http://127.0.0.2/", "http://[::1]/"]
)
def test_this_machine_gets_a_token_without_tls(url: str) -> None:
    assert Caller(TOKEN).headers(url, b"", {})


def test_nothing_to_sign_with_is_said_with_the_way_out() -> None:
    with (
        aws("http://unused", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""),
        pytest.raises(AwsRefused, match="--token"),
    ):
        Caller().headers(DEPLOYED, b"", {})


def test_signing_and_a_token_exclude_each_other(lading: Lading, sample: str) -> None:
    words = ("--url", "http://127.0.0.1:9", "--sign", "--token", TOKEN)
    assert lading("predict", "double", "-i", sample, *words).code == 2
    assert lading("predict", "double", "-i", sample, "--sign").code == 2
