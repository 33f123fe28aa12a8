"""Two servers stand for two regions: one is stopped under load, and every request is counted."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from lading.emulator.regions.outage import Load, Outcome, drill_outage
from lading.emulator.regions.resolver import FailoverResolver, HealthRule, ServedRegion

RULE = HealthRule(every_s=0.02, failures=3)
LOAD = Load(callers=3, pause_s=0.005, ttl_s=0.05, enough=20, longest_s=120)


class Api(BaseHTTPRequestHandler):
    """Answers `right` to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"right")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server:
    """One region's API, which can be stopped."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._stopped = False

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._server.shutdown()
            self._server.server_close()


def ask(url: str) -> Outcome:
    try:
        with urlopen(url, timeout=30) as answer:
            return "right" if answer.read() == b"right" else "wrong"
    except (HTTPError, URLError, HTTPException, OSError):
        return "lost"


def probe(url: str) -> bool:
    return ask(url) == "right"


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    first, second = Server(), Server()
    with ExitStack() as stack:
        stack.callback(first.stop)
        stack.callback(second.stop)
        yield first, second


def regions(servers: tuple[Server, Server]) -> list[ServedRegion]:
    return [
        ServedRegion(name, server.url)
        for name, server in zip(("first", "second"), servers, strict=True)
    ]


def test_the_second_region_takes_over_and_every_request_is_counted(
    servers: tuple[Server, Server],
) -> None:
    there = regions(servers)
    with FailoverResolver(there, probe, RULE) as resolver:
        found = drill_outage(there, resolver, ask, servers[0].stop, LOAD)
    assert found.recovered
    assert found.wrong == 0
    assert found.by_region.keys() == {"first", "second"}
    assert min(found.by_region.values()) >= LOAD.enough
    assert found.requests == found.lost + sum(found.by_region.values())
    assert found.noticed_s is not None
    assert found.noticed_s > 0
    assert (found.last_loss_s > 0) == (found.lost > 0)


def test_where_nobody_takes_over_the_drill_says_so(servers: tuple[Server, Server]) -> None:
    there = regions(servers)
    servers[1].stop()
    load = LOAD._replace(longest_s=1.0)
    with FailoverResolver(there, probe, RULE) as resolver:
        found = drill_outage(there, resolver, ask, servers[0].stop, load)
    assert not found.recovered
    assert found.lost > 0
    assert set(found.by_region) <= {"first"}


def test_a_region_is_out_after_three_failures_in_a_row_and_back_after_three_good_checks() -> None:
    answers = {"a": True, "b": True}
    there = [ServedRegion("first", "a"), ServedRegion("second", "b")]
    resolver = FailoverResolver(there, lambda url: answers[url], RULE)
    seen = []
    for healthy in (False, False, True, False, False, False, True, True, True):
        answers["a"] = healthy
        resolver.check(there[0])
        seen.append(resolver.lookup().name)
    assert seen == ["first"] * 5 + ["second"] * 3 + ["first"]


def test_if_all_are_out_the_first_one_is_named() -> None:
    there = [ServedRegion("first", "a"), ServedRegion("second", "b")]
    resolver = FailoverResolver(there, lambda _: False, RULE)
    for _ in range(RULE.failures):
        for region in there:
            resolver.check(region)
    assert resolver.lookup().name == "first"
