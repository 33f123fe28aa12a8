"""Spans of requests, as a real collector receives them, and W3C's context in and out."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.entry.container import create_container
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.tracing import Tracing
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import Observation, read_headers
from tests.functions.inference.graphs.worlds import node, step, write_graph
from tests.support.driver import ask
from tests.support.interpreter import run_clean
from tests.support.otlp import Collector, collecting
from tests.support.worlds import echo, settings_for, times

ROWS = {"inputs": [[1, 2]]}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
SERVER, ERROR = 2, 2
"""`SPAN_KIND_SERVER` and `STATUS_CODE_ERROR` of OTLP."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(settings_for(tmp_path, {"m": {1: echo()}}))


def traced(catalog: Catalog, collector: Collector, root: Path) -> tuple[App, Tracing]:
    settings = settings_for(root / "other", {"m": {1: echo()}})
    lanes = Lanes(LaneLimits(threads=1))
    told = ContainerSettings(settings, root)
    container = create_container(catalog, told, Observability(settings), lanes)
    tracing = Tracing(collector.url, "dev")
    return tracing.around(container), tracing


def by_name(spans: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {span["name"]: span for span in spans}


def test_a_request_continues_the_callers_trace_with_a_span_for_each_part(
    catalog: Catalog, collector: Collector, tmp_path: Path
) -> None:
    app, tracing = traced(catalog, collector, tmp_path)
    answer = ask(app, "POST /m/predict", ROWS, CALLER)
    assert answer.status == 200
    tracing.close()
    spans = by_name(collector.spans(5))
    assert {*spans} == {"predict m", "queue", "decode", "compute", "encode"}
    whole = spans.pop("predict m")
    assert (whole["trace"], whole["parent"], whole["kind"]) == (TRACE, PARENT, SERVER)
    assert whole["attributes"]["http.response.status_code"] == 200
    assert whole["attributes"]["lading.model"] == "m"
    assert whole["attributes"]["lading.request_id"] == answer.headers["x-request-id"]
    assert whole["resource"]["service.name"] == "lading-inference"
    assert whole["resource"]["deployment.environment.name"] == "dev"
    ordered = [spans[name] for name in ("queue", "decode", "compute", "encode")]
    assert all(span["parent"] == whole["id"] for span in ordered)
    for before, after in pairwise(ordered):
        assert before["ended"] == after["began"]
    assert whole["began"] <= ordered[0]["began"] <= ordered[-1]["ended"] <= whole["ended"]


def test_each_run_of_a_graphs_models_has_a_span(collector: Collector, tmp_path: Path) -> None:
    nodes = {"root": node("sequence", step("two", returned="z"), step("three", "z"))}
    digest = write_graph(tmp_path, {"two": times(2), "three": times(3)}, nodes)
    served = ServedModel("graph", {1: digest})
    graphs = load_catalog(ServingSettings(models=(served,), model_root=str(tmp_path)))
    app, tracing = traced(graphs, collector, tmp_path)
    assert ask(app, "POST /graph/predict", ROWS).status == 200
    tracing.close()
    spans = by_name(collector.spans(7))
    runs = [spans[f"node {name}"] for name in ("two", "three")]
    assert {run["parent"] for run in runs} == {spans["compute"]["parent"]}


def test_a_failure_of_the_service_is_an_error_and_a_wrong_request_is_not(
    catalog: Catalog, collector: Collector, tmp_path: Path
) -> None:
    app, tracing = traced(catalog, collector, tmp_path)
    ask(app, "POST /m/predict", b"{")
    catalog.put(CatalogModel("m", {1: ModelUnavailable("m", 1, "it was damaged")}))
    ask(app, "POST /m/predict", ROWS)
    tracing.close()
    wrong, failed = collector.spans(2)
    assert (wrong["attributes"]["http.response.status_code"], wrong["status"]) == (400, 0)
    assert (failed["attributes"]["http.response.status_code"], failed["status"]) == (503, ERROR)
    assert failed["attributes"]["error.type"] == "ModelUnavailable"
    assert wrong["trace"] != failed["trace"]


def test_what_comes_after_gets_the_context_of_this_servers_span(collector: Collector) -> None:
    seen: dict[str, str] = {}

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(read_headers(scope["headers"]))
        headers = [(b"x-request-id", b"id-1")]
        tracing.note(noted, 200)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    tracing = Tracing(collector.url)
    noted = Observation(1.0, "plain", "m", 1, 1.1, 1.2, ended=1.3)
    noted.request_id = "id-1"
    ask(tracing.around(gateway), "POST /m/predict", ROWS, CALLER)
    tracing.close()
    spans = by_name(collector.spans(4))
    assert seen["traceparent"] == f"00-{TRACE}-{spans['predict m']['id']}-01"
    assert seen["tracestate"] == "vendor=1"
    assert spans["compute"]["ended"] - spans["compute"]["began"] == 100_000_000


PROBE = """
import sys, json
from lading.functions.inference.entry import container
from lading.cli.commands import serve
print(json.dumps({"found": [it for it in sys.modules if it.startswith("opentelemetry")]}))
"""


def test_nothing_of_opentelemetry_is_imported_without_a_collector() -> None:
    assert run_clean(PROBE, {})[-1] == {"found": []}
