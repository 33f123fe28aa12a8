"""CloudWatch's metrics under Prometheus's names, read by Prometheus's own programs."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.names import METRICS
from lading.functions.inference.app.application import create_app
from lading.functions.inference.entry.container import create_container
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import CatalogModel, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.messages import Observation
from tests.support.driver import ask
from tests.support.prometheus import program, running, wait_for
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import echo, settings_for

ROWS = {"inputs": [[1, 2]]}


def container(root: Path) -> App:
    settings = settings_for(root, {"m": {1: echo(), 2: echo()}})
    catalog, metrics = load_catalog(settings), Metrics()
    metrics.note_models(catalog)
    observability = Observability(settings, metrics.note)
    told = ContainerSettings(settings, root)
    container = create_container(catalog, told, observability, Lanes(LaneLimits(threads=1)))
    return metrics.beside(container)


@pytest.fixture
def app(tmp_path: Path) -> App:
    app = container(tmp_path)
    assert ask(app, "POST /m/predict", ROWS).status == 200
    assert ask(app, "POST /v2/models/m/infer", b"{").status == 400
    assert ask(app, "POST /predict/nothing", ROWS).status == 404
    return app


def samples(app: App) -> dict[tuple[str, ...], float]:
    """Name and sorted label values -> value."""
    text = ask(app, "GET /metrics").body.decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_by_dialect_model_status_and_version(app: App) -> None:
    counts = {k[1:]: v for k, v in samples(app).items() if k[0] == "lading_requests_total"}
    assert counts == {
        ("plain", "m", "200", "1"): 1,
        ("open_inference", "m", "400", "1"): 1,
        ("plain", "none", "404", "none"): 1,
    }


def test_each_part_of_the_time_is_a_histogram(app: App) -> None:
    found = samples(app)
    for part in ("", "_decode", "_compute", "_encode"):
        assert found[f"lading{part}_latency_seconds_count", "plain", "m", "1"] == 1
        assert 0 < found[f"lading{part}_latency_seconds_sum", "plain", "m", "1"] < 10


def test_readiness_is_told_by_version(app: App) -> None:
    found = samples(app)
    assert (found["lading_model_ready", "m", "1"], found["lading_model_ready", "m", "2"]) == (1, 1)


def test_readiness_is_read_when_it_is_scraped(tmp_path: Path) -> None:
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}, "gone": {1: echo()}}))
    metrics = Metrics()
    metrics.note_models(catalog)
    failed = ModelUnavailable("m", 2, "it was damaged")
    catalog.put(CatalogModel("m", {1: catalog.model("m").predictor(1), 2: failed}))
    catalog.drop("gone")
    found = samples(metrics.beside(create_app(catalog)))
    ready = {key[1:]: value for key, value in found.items() if key[0] == "lading_model_ready"}
    assert ready == {("m", "1"): 1, ("m", "2"): 0}


def test_every_time_that_cloudwatch_gets_has_a_histogram() -> None:
    text = Metrics().page()[0].decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert len([name for name in families if name.endswith("_latency_seconds")]) == len(
        METRICS.times
    )


@pytest.mark.parametrize("path", ["/metrics", "/monitoring/prometheus/metrics"])
def test_the_page_is_where_scrapers_look_and_is_not_counted(app: App, path: str) -> None:
    answer = ask(app, f"GET {path}")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "/metrics" not in answer.body.decode()
    assert ask(app, f"HEAD {path}").body == b""


def test_open_metrics_are_given_to_who_asks(app: App) -> None:
    headers = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = ask(app, "GET /metrics", b"", headers)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


def test_promtool_finds_nothing_to_mend(app: App) -> None:
    page = ask(app, "GET /metrics").body
    checked = subprocess.run([program("promtool"), "check", "metrics"], input=page, check=False)
    assert checked.returncode == 0


@pytest.fixture
def prometheus(app: App, tmp_path: Path) -> Iterator[str]:
    """Address of a stock Prometheus server that scrapes the container."""
    with uvicorn_serving(app) as target:
        scrape = {"job_name": "lading", "static_configs": [{"targets": [target]}]}
        document = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
        configuration = tmp_path / "prometheus.yml"
        configuration.write_text(json.dumps(document))  # JSON is YAML
        with running(configuration, "--enable-feature=exemplar-storage") as url:
            yield url


def ask_prometheus(url: str, query: str) -> list[Any]:
    """The result of a query, once there is one."""
    return list(wait_for(url, "query", lambda data: data["result"], query=query))


def test_a_stock_prometheus_server_scrapes_the_container(prometheus: str) -> None:
    (found,) = ask_prometheus(prometheus, 'lading_requests_total{dialect="plain",status="200"}')
    assert (found["metric"]["model"], found["value"][1]) == ("m", "1")
    now = f"{time.time() + 60:.0f}"
    (kept,) = wait_for(
        prometheus,
        "query_exemplars",
        list,
        query="lading_latency_seconds_bucket",
        start="0",
        end=now,
    )[:1]
    assert len(kept["exemplars"][0]["labels"]["request_id"]) == 32
    share = "histogram_quantile(0.99, lading_compute_latency_seconds_bucket)"
    assert float(ask_prometheus(prometheus, share)[0]["value"][1]) < 30


def test_the_page_holds_what_other_processes_of_the_port_have_counted() -> None:
    seen = Observation(started=1.0, ended=1.5, model="m", version=1, dialect="plain")
    first = Metrics()
    second = Metrics(lambda: [json.loads(json.dumps(first.registry.snapshot()))])
    first.note(seen, 200)
    second.note(seen, 200)
    page = second.page()[0].decode()
    assert 'lading_requests_total{dialect="plain",model="m",status="200",version="1"} 2.0' in page
    assert 'lading_latency_seconds_sum{dialect="plain",model="m",version="1"} 1.0' in page
