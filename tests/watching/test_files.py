"""Prometheus accepts the files of a stage, and its tool sees each alert fire and stay off."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from lading.stacks.stages.watching import WatchingSettings
from lading.watching.files import alerts, contents, rules, scrape
from lading.watching.watched_stage import WatchedStage
from tests.support.prometheus import program

ROOT = Path(__file__).parents[2]
PROD = WatchedStage("prod", WatchingSettings(), ("models-1:8080", "models-2:8080"))
MODEL = 'stage="prod", model="m", version="1", dialect="plain"'
VERSION = 'stage="prod", model="m", version="1"'
SERVER = 'stage="prod", job="lading", instance="models-1:8080"'

OF_MODEL, OF_SERVER = {"model": "m"}, {"instance": "models-1:8080", "job": "lading"}


def traffic(requests: int, **more: int) -> dict[str, str]:
    """The series of a model with so many requests in a minute, and what it has beside them."""
    steady = {"errors": 0, "slow": 0, "refused": 0, "wrong": 0} | more
    answered = requests - steady["refused"]
    counts = {
        f'lading_requests_total{{{MODEL}, status="200"}}': answered,
        f'lading_requests_total{{{MODEL}, status="503"}}': steady["refused"],
        f"lading_server_errors_total{{{MODEL}}}": steady["errors"],
        f"lading_client_errors_total{{{MODEL}}}": steady["wrong"],
        f"lading_latency_seconds_count{{{MODEL}}}": requests,
        f'lading_latency_seconds_bucket{{{MODEL}, le="1.0"}}': requests - steady["slow"],
    }
    return {name: f"0+{count}x6000" for name, count in counts.items()}


CASES: list[tuple[str, dict[str, str], str, dict[str, str] | None]] = [
    ("AvailabilityBurnFast", traffic(1000, errors=20), "2h", OF_MODEL),
    ("AvailabilityBurnFast", traffic(1000, errors=5), "2h", None),
    ("AvailabilityBurnSlow", traffic(1000, errors=4), "3h", OF_MODEL),
    ("AvailabilityBurnSlow", traffic(1000), "3h", None),
    ("LatencyBurnFast", traffic(1000, slow=200), "2h", OF_MODEL),
    ("LatencyBurnFast", traffic(1000, slow=50), "2h", None),
    ("LatencyBurnSlow", traffic(1000, slow=40), "3h", OF_MODEL),
    ("LatencyBurnSlow", traffic(1000, slow=9), "3h", None),
    ("ServerDown", {f"up{{{SERVER}}}": "1x5 0x60"}, "20m", OF_SERVER),
    ("ServerDown", {f"up{{{SERVER}}}": "1x5 0x1 1x60"}, "20m", None),
    ("NoServers", {"up{job='other'}": "1x60"}, "20m", {"job": "lading"}),
    ("NoServers", {f"up{{{SERVER}}}": "0x60"}, "20m", None),
    (
        "ModelNotReady",
        {'lading_model_ready{stage="prod", model="m", version="1"}': "1 0x60"},
        "20m",
        {"model": "m", "version": "1"},
    ),
    (
        "ModelNotReady",
        {'lading_model_ready{stage="prod", model="m", version="1"}': "1x60"},
        "20m",
        None,
    ),
    (
        "ServerRestarts",
        {f"process_start_time_seconds{{{SERVER}}}": "1 2 3 4 4x60"},
        "10m",
        OF_SERVER,
    ),
    ("ServerRestarts", {f"process_start_time_seconds{{{SERVER}}}": "1 2 3 3x60"}, "10m", None),
    (
        "QueueWaits",
        {
            'lading_queue_wait_seconds{stage="prod", model="m"}': "9x60",
            'lading_queue_requests{stage="prod", model="m"}': "3x60",
        },
        "20m",
        OF_MODEL,
    ),
    (
        "QueueWaits",
        {
            'lading_queue_wait_seconds{stage="prod", model="m"}': "0x60",
            'lading_queue_requests{stage="prod", model="m"}': "0x60",
        },
        "20m",
        None,
    ),
    ("RequestsRefused", traffic(1000, refused=100), "20m", OF_MODEL),
    ("RequestsRefused", traffic(4, refused=1), "20m", None),
    ("ClientErrors", traffic(1000, wrong=600), "20m", OF_MODEL),
    ("ClientErrors", traffic(1000, wrong=400), "20m", None),
    (
        "Drift",
        {f"lading_drifting_features{{{VERSION}}}": "0 2x60"},
        "20m",
        {"model": "m", "version": "1"},
    ),
    ("Drift", {f"lading_drifting_features{{{VERSION}}}": "2x5 0x60"}, "20m", None),
]


def promtool(folder: Path, *words: str) -> None:
    command = [program("promtool"), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watching")
    for name, content in contents(PROD).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "prometheus"


def firing(name: str, labels: dict[str, str]) -> str:
    """The series in which Prometheus records that an alert fires."""
    told = {"alertname": name, "alertstate": "firing", "severity": severity(name), "stage": "prod"}
    written = ", ".join(f'{key}="{value}"' for key, value in (told | labels).items())
    return f"ALERTS{{{written}}}"


def severity(name: str) -> str:
    return next(alert.severity for alert in alerts(PROD) if alert.name == name)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fired = {name for name, _, _, labels in CASES if labels}
    quiet = {name for name, _, _, labels in CASES if not labels}
    assert fired == quiet == {alert.name for alert in alerts(PROD)}


def test_prometheus_accepts_the_configuration_and_the_rules(folder: Path) -> None:
    promtool(folder, "check", "config", "prometheus.yml")


def test_each_alert_fires_when_it_should_and_stays_off_when_it_should(folder: Path) -> None:
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
                    "eval_time": at,
                    "exp_samples": [{"labels": firing(name, labels), "value": 1}] if labels else [],
                }
            ],
        }
        for name, series, at, labels in CASES
    ]
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(json.dumps(document))  # JSON is YAML
    promtool(folder, "test", "rules", "tests.yml")


def test_every_alert_has_its_page_and_a_severity() -> None:
    found = [it for group in rules(PROD)["groups"] for it in group["rules"] if "alert" in it]
    assert found
    for rule in found:
        page = rule["annotations"]["runbook_url"]
        assert (ROOT / page).is_file(), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_the_servers_of_the_stage_are_scraped_with_its_name() -> None:
    (job,) = scrape(PROD)["scrape_configs"]
    assert job["static_configs"] == [
        {"targets": ["models-1:8080", "models-2:8080"], "labels": {"stage": "prod"}}
    ]


def test_the_pages_are_where_the_stage_says(folder: Path) -> None:
    url = "https://example.com/runbook"
    own = WatchedStage("prod", WatchingSettings(runbook=url))
    written = contents(own)
    document = yaml.safe_load(written["prometheus/rules.yml"])
    urls = {
        rule["annotations"]["runbook_url"]
        for group in document["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert f"{url}/latency-burn.md" in urls
    board = written["grafana/dashboards/lading-service.json"].decode()
    assert f'"{url}/latency-burn.md"' in board
    assert "docs/runbook" not in board
