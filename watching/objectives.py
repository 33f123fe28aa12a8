"""Recording rules and alerts of the objectives: availability and latency of each model."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from lading.functions.contract.watched import REQUESTS, SERVER_ERRORS, TIMES
from lading.watching.alert import Alert
from lading.watching.burn_rates import BURNS, Burn, Severity
from lading.watching.watched_stage import WatchedStage

LEAST_REQUESTS: Final = 20
"""A model with fewer requests in the long window has no alert: a single error would be one."""

_BY: Final = "stage, model"


class Objective(NamedTuple):
    """One promise, and how a share of requests that miss it is measured.

    Args:
        key: the name of its page, and of its series.
        budget: the share of requests that may miss it.
        missed: the rate of requests that miss it, in PromQL; `WINDOW` stands for the window.
        summary: what an alert says.
    """

    key: str
    budget: float
    missed: str
    summary: str


def objectives(stage: WatchedStage) -> tuple[Objective, ...]:
    """Return the promises of a stage."""
    told, total = stage.objectives, TIMES["total"].name
    fast = stage.only(f'le="{told.latency_s!r}"')
    return (
        Objective(
            "availability-burn",
            round(1 - told.availability, 9),
            f"sum by ({_BY}) (rate({SERVER_ERRORS.name}_total{stage.only()}[WINDOW]))",
            "requests fail",
        ),
        Objective(
            "latency-burn",
            round(1 - told.fast, 9),
            f"(sum by ({_BY}) (rate({total}_count{stage.only()}[WINDOW]))"
            f" - sum by ({_BY}) (rate({total}_bucket{fast}[WINDOW])))",
            f"requests take longer than {told.latency_ms:g} ms",
        ),
    )


def recording_rules(stage: WatchedStage) -> Iterator[dict[str, Any]]:
    """Yield the rules that record, for each objective and window, which share misses it."""
    windows = sorted({window for burn in BURNS for window in (burn.long_s, burn.short_s)})
    for objective in objectives(stage):
        for seconds in windows:
            window = stage.pace.duration(seconds)
            missed = objective.missed.replace("WINDOW", window)
            all_ = f"sum by ({_BY}) (rate({REQUESTS.name}_total{stage.only()}[{window}]))"
            yield {"record": _record(objective, seconds), "expr": f"{missed} / {all_}"}


def burn_alerts(stage: WatchedStage) -> Iterator[Alert]:
    """Yield the alerts of each objective, a page and a ticket."""
    for objective in objectives(stage):
        severities: tuple[Severity, ...] = ("page", "ticket")
        for severity in severities:
            burns = [burn for burn in BURNS if burn.severity == severity]
            either = "\nor ".join(_exceeds(objective, burn, stage) for burn in burns)
            speed = "Fast" if severity == "page" else "Slow"
            name = "".join(part.capitalize() for part in objective.key.split("-"))
            yield Alert(
                f"{name}{speed}",
                objective.key,
                severity,
                either,
                0,
                f"{{{{ $value | humanizePercentage }}}} of model {{{{ $labels.model }}}}'s "
                f"{objective.summary}; the objective allows {objective.budget:.4g} of them",
            )


def _record(objective: Objective, seconds: int) -> str:
    """Return the name of a recorded share: `lading:availability_burn:ratio_rate3600s`."""
    return f"lading:{objective.key.replace('-', '_')}:ratio_rate{seconds}s"


def _exceeds(objective: Objective, burn: Burn, stage: WatchedStage) -> str:
    limit = f"{burn.factor(stage.objectives.window_days) * objective.budget:.6g}"
    window = stage.pace.duration(burn.long_s)
    long, short = _record(objective, burn.long_s), _record(objective, burn.short_s)
    asked = f"sum by ({_BY}) (increase({REQUESTS.name}_total{stage.only()}[{window}]))"
    return (
        f"({long}{stage.only()} > {limit} and {short}{stage.only()} > {limit}"
        f" and {asked} > {stage.pace.least(LEAST_REQUESTS)})"
    )
