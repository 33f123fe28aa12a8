"""Every command of the guide to Prometheus, Grafana and traces, with real programs."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from lading.emulator.processes.ports import free_port
from tests.end_to_end.conftest import ROOT, lading, serving
from tests.support.guides import commands_of
from tests.support.otlp import collecting
from tests.support.prometheus import program, wait_for

pytestmark = pytest.mark.slow

COMMANDS = commands_of("watching.md")
NAMES = "triton,tensorflow-serving,torchserve"


def words_of(start: str) -> list[str]:
    """The words of the only command that begins so."""
    (found,) = (it for it in COMMANDS if it.startswith(start))
    return found.split()[1:]


def test_no_command_is_forgotten_here() -> None:
    kinds = ("lading watch ", "lading serve ", "prometheus ", "pip install ")
    assert all(command.startswith(kinds) for command in COMMANDS)
    assert len(COMMANDS) == len(kinds)
    assert "--metric-names …" in (ROOT / "docs/watching.md").read_text()


def test_prometheus_starts_with_the_files_that_are_written(tmp_path: Path) -> None:
    prometheus = program("prometheus")
    (tmp_path / "stages.yaml").write_text("stages: {prod: {}}")
    lading(tmp_path, *words_of("lading watch"))
    address = f"127.0.0.1:{free_port()}"
    command = [prometheus, *words_of("prometheus"), f"--web.listen-address={address}"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as server:
        try:
            pools = wait_for(f"http://{address}", "targets", lambda it: it["activeTargets"])
            rules = wait_for(f"http://{address}", "rules", lambda it: it["groups"])
        finally:
            server.terminate()
    assert {it["discoveredLabels"]["__address__"] for it in pools} == {
        "models-1:8080",
        "models-2:8080",
    }
    named = {rule["name"] for group in rules for rule in group["rules"]}
    assert {"AvailabilityBurnFast", "Drift"} <= named


def test_a_server_is_traced_and_has_the_names_of_other_servers(published: Path) -> None:
    sample = json.loads((published / "examples/digits/sample.json").read_text())
    with collecting() as collector:
        command, option, _ = words_of("lading serve")
        assert command == "serve"
        with serving(published, option, collector.url, "--metric-names", NAMES) as url:
            assert httpx.post(f"{url}/digits/predict", json=sample, timeout=60).status_code == 200
            page = httpx.get(f"{url}/metrics", timeout=60).text
        spans = {span["name"] for span in collector.spans(4)}
    assert "predict digits" in spans
    for name in ("nv_inference_request_success", ":tensorflow:serving:", "ts_inference"):
        assert name in page
