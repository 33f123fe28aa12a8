"""Alerts on causes: what callers will notice soon, or what keeps a server from answering."""

from collections.abc import Iterator
from typing import Final

from lading.functions.contract.names import DRIFT
from lading.functions.contract.watched import (
    CLIENT_ERRORS,
    DRIFTS,
    MODEL_READY,
    QUEUE_REQUESTS,
    QUEUE_WAIT,
    REQUESTS,
    STARTED,
)
from lading.watching.alert import Alert
from lading.watching.objectives import LEAST_REQUESTS
from lading.watching.watched_stage import WatchedStage

JOB: Final = "lading"
"""The name of the job in the scrape configuration."""

CLIENT_ERROR_RATE: Final = 0.5
"""As of CloudWatch's alarm."""
REFUSED_RATE: Final = 0.05
MOST_RESTARTS: Final = 2

_MINUTE_S, _WINDOW_S = 60, 300


def cause_alerts(stage: WatchedStage) -> Iterator[Alert]:
    """Yield the alerts of a stage beside those of its objectives."""
    yield from _servers(stage)
    yield from _requests(stage)
    yield Alert(
        "Drift",
        "drift",
        "ticket",
        f"max by (stage, model, version) ({DRIFTS[DRIFT.features].name}{stage.only()}) > 0",
        10 * _MINUTE_S,
        "{{ $value }} inputs or answers of model {{ $labels.model }} drift from its baseline",
    )


def _servers(stage: WatchedStage) -> Iterator[Alert]:
    longer = stage.pace.duration(3 * _WINDOW_S)
    up = stage.only(f'job="{JOB}"')
    yield Alert(
        "ServerDown",
        "server-down",
        "page",
        f"up{up} == 0",
        2 * _MINUTE_S,
        "Prometheus cannot read the metrics of {{ $labels.instance }}",
    )
    yield Alert(
        "NoServers",
        "server-down",
        "page",
        f"absent(up{up})",
        5 * _MINUTE_S,
        f"Prometheus knows no server of stage {stage.name}",
    )
    yield Alert(
        "ModelNotReady",
        "model-not-ready",
        "page",
        f"min by (stage, model, version) ({MODEL_READY.name}{stage.only()}) == 0",
        2 * _MINUTE_S,
        "version {{ $labels.version }} of model {{ $labels.model }} cannot answer",
    )
    yield Alert(
        "ServerRestarts",
        "restarts",
        "ticket",
        f"changes({STARTED.name}{stage.only()}[{longer}]) > {MOST_RESTARTS}",
        0,
        "{{ $labels.instance }} has started {{ $value }} times in 15 minutes",
    )


def _requests(stage: WatchedStage) -> Iterator[Alert]:
    window = stage.pace.duration(_WINDOW_S)
    limit = stage.objectives.latency_s
    asked = f"sum by (stage, model) (increase({REQUESTS.name}_total{stage.only()}[{window}]))"
    enough = f"and {asked} > {stage.pace.least(LEAST_REQUESTS)}"
    refused = stage.only('status=~"429|503"')
    yield Alert(
        "QueueWaits",
        "queue-waits",
        "ticket",
        f"{QUEUE_WAIT.name}{stage.only()} / {QUEUE_REQUESTS.name}{stage.only()} > {limit:g}",
        2 * _MINUTE_S,
        "requests to model {{ $labels.model }} wait for {{ $value | humanizeDuration }}",
    )
    yield Alert(
        "RequestsRefused",
        "refused-requests",
        "ticket",
        f"sum by (stage, model) (increase({REQUESTS.name}_total{refused}[{window}]))"
        f" / {asked} > {REFUSED_RATE:g} {enough}",
        2 * _MINUTE_S,
        "{{ $value | humanizePercentage }} of requests to model {{ $labels.model }} are refused",
    )
    yield Alert(
        "ClientErrors",
        "client-errors",
        "ticket",
        f"sum by (stage, model) (increase({CLIENT_ERRORS.name}_total{stage.only()}[{window}]))"
        f" / {asked} > {CLIENT_ERROR_RATE:g} {enough}",
        5 * _MINUTE_S,
        "{{ $value | humanizePercentage }} of requests to model {{ $labels.model }} are wrong",
    )
