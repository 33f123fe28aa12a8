"""The short way and the application give the same answers, headers, log lines and counts.

Requests are made of those of `damage.py`, usual and damaged: their bodies are changed further, and
they are framed in every way that HTTP has. The same seed makes the same requests.
"""

import gzip
import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.contracts.damage import DIALECTS, LONGEST
from tests.contracts.sent import Sent
from tests.support.two_ways import END, Way, running
from tests.support.worlds import STRING, add_sub, echo, of_tokens, settings_for, times

MODELS = {
    "floats": {1: echo()},
    "text": {1: echo(STRING, ["n"])},
    "simple": {1: add_sub()},
    "tokens": {1: of_tokens()},
    "doubled": {1: times(2), 2: times(4)},
}
GOOD = [(each.path, each.good) for each in DIALECTS.values() if each.server == "models"] + [
    ("/floats/predict", DIALECTS["plain"].good),
    ("/v1/models/doubled/versions/2:predict", Sent(b'{"instances":[[1,2],[3,4]]}')),
    ("/v1/models/doubled/labels/stable:predict", Sent(b'{"instances":[[1,2]]}')),
    ("/v2/models/simple/infer", Sent(b'{"id":"7","inputs":[]}')),
]
DAMAGED = [
    (sent.path or each.path, sent)
    for each in DIALECTS.values()
    if each.server == "models"
    for sent in each.damage.values()
]
HEADERS = (
    *("accept: */*", "accept: text/csv", "accept-encoding: gzip", "accept-encoding: identity"),
    *("content-type: application/json", "content-type: text/csv", "Content-Type: image/png"),
    *("x-request-id: mine", "x-correlation-id: ours", "x-request-id: \u00e4", "user-agent: test"),
    *("inference-header-content-length: 3", "origin: http://page", "cookie: a=b"),
    *("x-amzn-sagemaker-custom-attributes: these", "authorization: Bearer x"),
)
_VARYING = re.compile(rb"\r\n(date: [^\r]*|x-request-id: [0-9a-f]{32})(?=\r\n)")
_ID = re.compile("[0-9a-f]{32}")

CONNECTIONS: Final = 40
"""Connections of one test, with one to three requests each."""

MORE: Final = int(os.environ.get("LADING_GENERATED_TESTS", "40"))
"""Tests of the slow part; `make both-ways` runs many more."""

_ONE_READ: Final = 16 * 1024
"""Bytes that a server reads at once if they are sent at once."""


class Said(NamedTuple):
    """What is sent on one connection.

    Args:
        parts: the bytes, each part in a packet of its own.
        end: what is sent last, after which the server closes the connection.
    """

    parts: list[bytes]
    end: bytes = END


class Generator:
    """Makes what is sent on connections.

    After a request that closes its connection nothing follows, unless it is read together with that
    request. A server that closes a connection does not read what comes later; then the system may
    reset the connection, and the answer is lost on its way. So either way may answer nothing there.
    """

    def __init__(self, seed: int) -> None:
        self._any = random.Random(seed)  # noqa: S311 # not for secrets

    def connection(self) -> Said:
        """Requests for one connection, whole, in pieces, or all at once."""
        if self._any.random() < 0.05:
            return Said([self._broken()], end=b"")
        requests = [self._request() for _ in range(self._any.choice((1, 1, 1, 1, 2, 3)))]
        closing = [closes for _, closes in requests]
        sent = b"".join(request for request, _ in requests)
        end = b"" if any(closing) else END
        whole = self._any.random() < 0.7
        if any(closing) and not (whole and len(sent) <= _ONE_READ):
            sent = b"".join(request for request, _ in requests[: closing.index(True) + 1])
        if whole:
            return Said([sent], end)
        cuts = sorted(self._any.randrange(len(sent)) for _ in range(self._any.randrange(1, 4)))
        return Said([sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)], end)

    def _broken(self) -> bytes:
        """One that is not HTTP, after which nothing on its connection is read."""
        path, sent = self._any.choice(GOOD)
        lines = self._any.choice(([], ["host: x", "host: y"], ["host: x", "content-length: 1"]))
        method = self._any.choice(("POST", "post")) if len(lines) != 1 else "POST"
        return self._framed(f"{method} {path} HTTP/1.1", lines, sent.body)

    def _request(self) -> tuple[bytes, bool]:
        """A request, and whether the server closes the connection after it."""
        path, sent = self._any.choice(GOOD if self._any.random() < 0.6 else DAMAGED)
        body = sent.body if self._any.random() < 0.7 else self._changed(sent.body)
        lines = [f"{name}: {value}" for name, value in sent.headers.items()]
        lines += self._any.sample(HEADERS, self._any.choice((0, 0, 1, 2, 3)))
        kind, method, version = self._any.random(), "POST", "1.1"
        if kind < 0.04:
            body, lines = gzip.compress(body), [*lines, "content-encoding: gzip"]
        elif kind < 0.08:
            lines = [*lines, "expect: 100-continue"]
        elif kind < 0.10:
            lines = [*lines, "connection: close"]
        elif kind < 0.12:
            version = "1.0"
        elif kind < 0.14:
            method = self._any.choice(("GET", "PUT", "HEAD", "OPTIONS"))
        elif kind < 0.16:
            lines = [*lines, "connection: upgrade", "upgrade: h2c"]
        elif kind < 0.18:
            path = self._any.choice((f"{path}?a=b", f"/{path}", "/predict/nobody", f"{path}/x"))
        lines = [*lines, "host: x"]
        self._any.shuffle(lines)
        closes = version == "1.0" or "connection: close" in lines
        return self._framed(f"{method} {path} HTTP/{version}", lines, body), closes

    def _framed(self, first: str, lines: list[str], body: bytes) -> bytes:
        if self._any.random() < 0.06:
            lines = [*lines, "transfer-encoding: chunked"]
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        else:
            lines = [*lines, f"content-length: {len(body)}"]
        return "\r\n".join([first, *lines, "", ""]).encode("latin-1") + body

    def _changed(self, body: bytes) -> bytes:
        changed = bytearray(body)
        for _ in range(self._any.choice((1, 1, 2, 8))):
            at = self._any.randrange(len(changed) + 1)
            if self._any.random() < 0.5:
                changed[at:at] = bytes([self._any.choice(b'0123456789-.,[]{}":eEnN \x00\xff')])
            else:
                del changed[at : at + self._any.choice((1, 1, 5))]
        return bytes(changed)


_WAIT = "QueueLatency"


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Way]]:
    """A server with the short way, which knows its routes, and one without."""
    settings = settings_for(tmp_path_factory.mktemp("models"), MODELS)
    with (
        running(settings, longest=LONGEST, short=True) as short,
        running(settings, longest=LONGEST, short=False) as application,
    ):
        for path, sent in GOOD:
            for way in (short, application):
                good = [f"{name}: {value}" for name, value in sent.headers.items()]
                head = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(sent.body)}"]
                for _ in range(8):
                    way.send("\r\n".join([*head, *good, "", ""]).encode() + sent.body)
                    way.lines.taken(2)
        yield short, application


def told(line: dict[str, Any]) -> dict[str, Any]:
    """A line without what differs each time: times, ids that nobody gave, and any wait.

    The short way runs a quick model at once; the application may let the same request wait.
    """
    aws = {key: value for key, value in line.pop("_aws").items() if key != "Timestamp"}
    line.pop(_WAIT, None)
    for each in aws["CloudWatchMetrics"]:
        each["Metrics"] = [it for it in each["Metrics"] if it["Name"] != _WAIT]
    given = line["correlation_id"]
    line["correlation_id"] = "" if _ID.fullmatch(given) else given
    del line["timestamp"]
    kept = {key: "" if "Latency" in key else value for key, value in line.items()}
    return {**kept, "_aws": json.dumps(aws)}


def compare(ways: tuple[Way, Way], said: Said) -> None:
    short, application = ways
    (found, wanted) = answers = [way.send(*said.parts, end=said.end) for way in ways]
    assert _VARYING.sub(b"", found) == _VARYING.sub(b"", wanted), said
    (lines, expected) = (
        [*map(told, way.lines.taken(answer.count(b"\r\nx-request-id: ")))]
        for way, answer in zip(ways, answers, strict=True)
    )
    assert lines == expected, said
    assert short.counted == application.counted, said


@pytest.mark.parametrize("seed", range(8))
def test_generated_requests_are_answered_alike_on_both_ways(
    ways: tuple[Way, Way], seed: int
) -> None:
    generator, (short, _) = Generator(seed), ways
    assert short.short is not None
    before = short.short.taken
    for _ in range(CONNECTIONS):
        compare(ways, generator.connection())
    assert short.short.taken - before >= CONNECTIONS // 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 100 + MORE))
def test_many_more_of_them_are(ways: tuple[Way, Way], seed: int) -> None:
    test_generated_requests_are_answered_alike_on_both_ways(ways, seed)
