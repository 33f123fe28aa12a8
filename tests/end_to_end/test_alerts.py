"""A real Prometheus watches a real server: each alert fires, names its page, and clears.

Windows are shortened, so that it takes seconds; everything waits for Prometheus to say so. The
windows of restarts are longer, since a process takes a while to start.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import yaml

from lading.emulator.processes.ports import free_port
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.inference.entry.container import create_container
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.lanes.gauges import show_lanes
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics
from lading.stacks.stages.watching import WatchingSettings
from lading.watching.burn_rates import Pace
from lading.watching.causes import JOB
from lading.watching.files import alerts, rules, scrape
from lading.watching.panels import BOARDS
from lading.watching.watched_stage import WatchedStage
from tests.support.operations import run
from tests.support.prometheus import running, wait_for
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import with_baseline

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FAST = Pace(shorten=21_600, scrape_s=0.25)
SLOW = Pace(shorten=45, scrape_s=0.25)
ROWS, MANY = {"inputs": [[1, 2]]}, {"inputs": [[1, 2]] * 200_000}

RESTARTING = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from lading.functions.inference.observability.prometheus import Metrics
metrics = Metrics()
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body, kind = metrics.page(self.headers.get("accept", ""))
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


class World:
    """A server, what it serves, and the Prometheus that watches it."""

    def __init__(self, prometheus: str, server: str, catalog: Catalog, lanes: Lanes) -> None:
        self.prometheus, self.server, self.catalog, self.lanes = prometheus, server, catalog, lanes
        self.model = catalog.model("m").predictor(1)

    def state(self, name: str) -> dict[str, Any] | None:
        """The alert if it fires now."""
        found = httpx.get(f"{self.prometheus}/api/v1/alerts").json()["data"]["alerts"]
        firing = (it for it in found if it["state"] == "firing")
        return next((it for it in firing if it["labels"]["alertname"] == name), None)

    def fires(self, name: str) -> dict[str, Any]:
        """The alert, once it fires."""
        found: dict[str, Any] = wait_for(self.prometheus, "alerts", lambda _: self.state(name))
        return found

    def clears(self, name: str) -> None:
        """Wait until the alert fires no more."""
        wait_for(self.prometheus, "alerts", lambda _: self.state(name) is None)

    def asking(self, body: dict[str, Any]) -> "Asking":
        return Asking(f"http://{self.server}/m/predict", body)


class Asking:
    """Requests one after the other, as long as the block lasts."""

    def __init__(self, url: str, body: dict[str, Any]) -> None:
        self._url, self._body, self._enough = url, body, Event()
        self._thread = Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        with httpx.Client() as client:
            while not self._enough.wait(0.02):
                client.post(self._url, json=self._body)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(20)


def write(folder: Path, stages: list[WatchedStage], reload: str = "") -> None:
    """Write the configuration of several stages as one."""
    document = scrape(stages[0])
    targets = [it for each in stages for it in scrape(each)["scrape_configs"][0]["static_configs"]]
    document["scrape_configs"][0]["static_configs"] = [it for it in targets if it["targets"]]
    document["rule_files"] = [f"{stage.name}.yml" for stage in stages]
    for stage in stages:
        (folder / f"{stage.name}.yml").write_text(yaml.safe_dump(rules(stage)))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    if reload:
        assert httpx.post(f"{reload}/-/reload").status_code == 200


def stages_of(*targets: str, restarting: str = "", new: str = "") -> list[WatchedStage]:
    told = WatchingSettings(latency_ms=50.0)
    return [
        WatchedStage("prod", told, targets, FAST),
        WatchedStage("restarting", told, (restarting,) if restarting else (), SLOW),
        WatchedStage("new", told, (new,) if new else (), FAST),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def restarting() -> int:
    return free_port()


@pytest.fixture(scope="module")
def world(folder: Path, restarting: int) -> Iterator[World]:
    settings = with_baseline(folder)._replace(drift_s=0.1)
    catalog, metrics = load_catalog(settings), Metrics()
    metrics.note_models(catalog)
    observability = Observability(settings, metrics.note, on_drift=metrics.note_drift)
    with Lanes(LaneLimits(threads=1)) as lanes:
        show_lanes(lanes, metrics.registry)
        told = ContainerSettings(settings, folder)
        app = metrics.beside(create_container(catalog, told, observability, lanes))
        with uvicorn_serving(app) as server:
            write(folder, stages_of(server, restarting=f"127.0.0.1:{restarting}"))
            with running(folder / "prometheus.yml", "--web.enable-lifecycle") as prometheus:
                yield World(prometheus, server, catalog, lanes)


FIRED: set[str] = set()


def leads_to_its_page(alert: dict[str, Any]) -> bool:
    """Whether the alert names a page that says what to do."""
    FIRED.add(alert["labels"]["alertname"])
    page = ROOT / alert["annotations"]["runbook_url"]
    return "## What to do" in page.read_text() and bool(alert["annotations"]["summary"])


def test_failures_and_refusals_fire_and_clear(world: World) -> None:
    world.catalog.put(CatalogModel("m", {1: ModelUnavailable("m", 1, "it was damaged")}))
    names = ("AvailabilityBurnFast", "AvailabilityBurnSlow", "RequestsRefused", "ModelNotReady")
    with world.asking(ROWS):
        for name in names:
            assert leads_to_its_page(world.fires(name))
    world.catalog.put(CatalogModel("m", {1: world.model}))
    with world.asking(ROWS):
        for name in names:
            world.clears(name)


def test_slow_answers_fire_and_clear(world: World) -> None:
    with world.asking(MANY):
        for name in ("LatencyBurnFast", "LatencyBurnSlow"):
            alert = world.fires(name)
            assert leads_to_its_page(alert)
            assert alert["labels"]["model"] == "m"
    for name in ("LatencyBurnFast", "LatencyBurnSlow"):
        world.clears(name)


def test_wrong_requests_fire_and_clear(world: World) -> None:
    with world.asking({"inputs": [["no number"]]}):
        assert leads_to_its_page(world.fires("ClientErrors"))
    world.clears("ClientErrors")


def test_drift_fires_and_clears(world: World) -> None:
    with world.asking({"inputs": [[99, 2]] * 100}):
        alert = world.fires("Drift")
    assert leads_to_its_page(alert)
    assert (alert["labels"]["model"], alert["labels"]["version"]) == ("m", "1")
    with world.asking({"inputs": [[1, 2]] * 100}):
        world.clears("Drift")


def test_requests_that_wait_fire_and_clear(world: World) -> None:
    begun, end = Event(), Event()

    def hold() -> None:
        begun.set()
        assert end.wait(60)

    held = run(world.lanes, hold, "m")
    assert begun.wait(20)
    waiting = run(world.lanes, lambda: None, "m")
    assert leads_to_its_page(world.fires("QueueWaits"))
    end.set()
    assert held.result(20) is waiting.result(20)
    world.clears("QueueWaits")


def test_a_server_that_is_gone_and_one_that_restarts_fire_and_clear(
    world: World, restarting: int
) -> None:
    assert leads_to_its_page(world.fires("ServerDown"))  # nothing listens there yet
    only = f'process_start_time_seconds{{instance="127.0.0.1:{restarting}"}}'
    for number in range(4):
        command = [sys.executable, "-c", RESTARTING, str(restarting)]
        with subprocess.Popen(command) as server:
            if number:
                query = f"changes({only}[60s]) >= {number}"
                wait_for(world.prometheus, "query", lambda data: data["result"], query=query)
            else:
                wait_for(world.prometheus, "query", lambda data: data["result"], query=only)
                world.clears("ServerDown")
            server.terminate()
    assert leads_to_its_page(world.fires("ServerRestarts"))
    world.clears("ServerRestarts")


def test_a_stage_without_servers_fires_and_clears(
    world: World, folder: Path, restarting: int
) -> None:
    assert leads_to_its_page(world.fires("NoServers"))
    stages = stages_of(world.server, restarting=f"127.0.0.1:{restarting}", new=world.server)
    write(folder, stages, world.prometheus)
    world.clears("NoServers")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_prometheus_evaluates_each_expression_of_a_dashboard(world: World, board: Any) -> None:
    chosen = {"$stage": "prod", "$model": ".*", "$__rate_interval": "1m"}
    for row in board.rows:
        for panel in row.panels:
            for line in panel.lines:
                query = line.expression
                for name, value in chosen.items():
                    query = query.replace(name, value)
                answer = httpx.get(f"{world.prometheus}/api/v1/query", params={"query": query})
                assert answer.json()["status"] == "success", (panel.title, answer.text)
    assert JOB == "lading"


def test_every_alert_has_been_seen_to_fire() -> None:
    (stage, *_) = stages_of("x")
    assert {alert.name for alert in alerts(stage)} == FIRED
