"""The callers of the benchmarks, against real servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

pytest.importorskip("uvloop")

from benchmarks.load import ask, get, load, post, whole_size
from benchmarks.suite.processes import constant, serving


class Echo(BaseHTTPRequestHandler):
    """Answers with the body of the request, and the status that its path is."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(int(self.path[1:]))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1])  # an answer in pieces
        self.wfile.flush()
        self.wfile.write(body[1:])

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""


class Shrinking(Echo):
    """Answers with nine bytes at first, and with fewer to every later request of a connection."""

    size = 9

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(self.size))
        self.end_headers()
        self.wfile.write(b"x" * self.size)
        self.size = 2


@contextmanager
def echoing(handler: type[Echo] = Echo) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_in_pieces_is_read_whole() -> None:
    with echoing() as port:
        assert ask(port, post("/200", b'{"a": 1}')) == b'{"a": 1}'


def test_every_caller_asks_again_until_the_time_is_over() -> None:
    with serving(constant(), None) as running:
        answered = load(running.port, get("/ping"), 3, 0.5)
    assert len(answered.times) > 3
    assert answered.rate == pytest.approx(len(answered.times) / answered.seconds)
    assert answered.answer.endswith(b"{}")


def test_an_answer_may_be_shorter_than_the_one_before() -> None:
    with echoing(Shrinking) as port:
        answered = load(port, post("/", b"ask"), 1, 0.5)
    assert len(answered.times) > 1
    assert answered.answer.endswith(b"xx")


def test_an_answer_that_is_an_error_ends_the_load() -> None:
    with echoing() as port, pytest.raises(RuntimeError, match="503"):
        load(port, post("/503", b"no"), 2, 5)


def test_an_answer_has_the_size_that_its_head_states() -> None:
    assert whole_size(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n") == 0
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    assert whole_size(head + b"ab") == len(head) + 2
