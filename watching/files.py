"""The files of a stage: what Prometheus scrapes, its rules, and Grafana's dashboards."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import yaml

from lading.functions.contract.alarms import RUNBOOK
from lading.watching.alert import Alert, alert_rule
from lading.watching.causes import JOB, cause_alerts
from lading.watching.objectives import burn_alerts, recording_rules
from lading.watching.watched_stage import WatchedStage

GRAFANA: Final = Path(__file__).parent / "grafana"
"""Shipped: the dashboards, which are those of every stage, and the files that provision them."""

SCRAPE, RULES = "prometheus.yml", "rules.yml"


def alerts(stage: WatchedStage) -> Iterator[Alert]:
    """Yield every alert of a stage."""
    return chain(burn_alerts(stage), cause_alerts(stage))


def rules(stage: WatchedStage) -> dict[str, Any]:
    """Return the document of the recording rules and the alerts."""
    groups = {
        "objectives": [*recording_rules(stage)],
        "alerts": [alert_rule(alert, stage) for alert in alerts(stage)],
    }
    interval = stage.pace.interval
    return {
        "groups": [
            {"name": f"lading-{stage.name}-{name}", "interval": interval, "rules": found}
            for name, found in groups.items()
        ]
    }


def scrape(stage: WatchedStage) -> dict[str, Any]:
    """Return Prometheus's configuration: the stage's servers and the file of its rules."""
    targets = {"targets": [*stage.targets], "labels": {"stage": stage.name}}
    interval = stage.pace.interval
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [RULES],
        "scrape_configs": [{"job_name": JOB, "static_configs": [targets]}],
    }


def contents(stage: WatchedStage) -> Mapping[str, bytes]:
    """Return the content of each file of a stage, by its path."""
    written = {
        f"prometheus/{SCRAPE}": _yaml(scrape(stage)),
        f"prometheus/{RULES}": _yaml(rules(stage)),
    }
    shipped = {
        f"grafana/{path.relative_to(GRAFANA).as_posix()}": _with_pages(path.read_bytes(), stage)
        for path in sorted(GRAFANA.rglob("*"))
        if path.is_file()
    }
    return {**written, **shipped}


def _with_pages(shipped: bytes, stage: WatchedStage) -> bytes:
    """Return a shipped file in which the pages are where the stage says."""
    return shipped.replace(f'"{RUNBOOK}/'.encode(), f'"{stage.objectives.runbook}/'.encode())


def _yaml(document: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(document, sort_keys=False, width=1000).encode()
