"""An alert of Prometheus, and the page that says what to do."""

from typing import Any, NamedTuple

from lading.watching.burn_rates import Severity
from lading.watching.watched_stage import WatchedStage


class Alert(NamedTuple):
    """One alert.

    Args:
        name: its name in Prometheus.
        page: the name of its page in the runbook.
        severity: whether somebody is woken, or works on it the next day.
        expression: PromQL; it fires for each series that has a value.
        wait_s: for how long the expression must hold, in seconds.
        summary: what is wrong, with Prometheus's templates.
    """

    name: str
    page: str
    severity: Severity
    expression: str
    wait_s: float
    summary: str


def alert_rule(alert: Alert, stage: WatchedStage) -> dict[str, Any]:
    """Return the rule of an alert."""
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": stage.pace.wait(alert.wait_s),
        "labels": {"severity": alert.severity, "stage": stage.name},
        "annotations": {"summary": alert.summary, "runbook_url": stage.page(alert.page)},
    }
