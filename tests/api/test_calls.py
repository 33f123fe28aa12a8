import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lading.api.calls import MOST_BYTES, call, grow
from lading.api.errors import ServerError


class Handler(BaseHTTPRequestHandler):
    """Redirects `/moved`, and answers the request's own credentials elsewhere."""

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/moved" else 404)
        if self.path == "/moved":
            self.send_header("location", "/there")
        self.send_header("X-Mixed", "Case")
        self.end_headers()
        self.wfile.write(f'{{"error": "{self.headers.get("authorization")}"}}'.encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_error_response_is_returned_with_its_reason() -> None:
    with serving() as url:
        answer = call(f"{url}/there", None, {"Authorization": "Bearer t"})
    assert (answer.status, answer.headers["x-mixed"]) == (404, "Case")
    assert answer.reason() == "Bearer t"


def test_a_redirect_is_not_followed_and_named() -> None:
    with serving() as url:
        answer = call(f"{url}/moved", None, {"Authorization": "Bearer t"})
    assert (answer.status, answer.reason()) == (302, "redirects to /there; use that URL")


def test_an_answer_that_never_ends_is_not_kept() -> None:
    content = bytearray(MOST_BYTES)
    with pytest.raises(ServerError, match="exceeds the limit of 64 MiB"):
        grow("http://here", content, b"!")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com", "must be an http or https URL"),
        ("http://127.0.0.1:9", "cannot be reached"),
    ],
)
def test_without_a_response_the_error_names_the_url(url: str, reason: str) -> None:
    with pytest.raises(ServerError, match=f"{url}: {reason}"):
        call(url, None, {})
