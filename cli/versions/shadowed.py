"""Answers of a version and of the one in its shadow, joined by the ids of their requests."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from lading.functions.contract.names import METRICS
from lading.functions.contract.steps import PER_OCTAVE, step_of
from lading.functions.evidence.intervals import Interval, quantile_of, share_of

_ALPHA: Final = 0.05
_CLOSE: Final = 1
"""Steps by which two scores that agree may differ; one step is 4.4 %."""


class ShadowAnswer(NamedTuple):
    """What a log line, or a captured answer, says of one answer.

    Args:
        version: the version that gave it.
        latency_ms: how long it took; None: unknown.
        label: the predicted class; empty for none.
        score: the step of its score; None for none.
    """

    version: str
    latency_ms: float | None
    label: str
    score: int | None


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Requests that both versions answered.

    Args:
        first: the version whose answers callers saw.
        second: the version in its shadow.
        pairs: requests that both answered.
        alone: requests that only the shadow's log or only the other has, of those in the shadow's.
        classes: the share of pairs with the same class; None: the answers have no class.
        scores: the share of pairs with scores within 4.4 %; None: they have no score.
        apart: the ratio of both scores in the median and the p90 pair, from 1 on.
        latency: p50 and p90 in milliseconds of both versions, on the same requests.
    """

    first: str
    second: str
    pairs: int
    alone: int
    classes: Interval | None
    scores: Interval | None
    apart: tuple[float, ...]
    latency: Mapping[str, tuple[Interval | None, Interval | None]]


def answers_of(events: Iterable[Mapping[str, Any]]) -> dict[str, ShadowAnswer]:
    """Return what the events of a log say of each request, by its id."""
    found = {}
    for event in events:
        message = str(event["message"])
        if '"message":"request"' not in message:
            continue
        line = json.loads(message)
        noted, latency = line.get("answer"), line.get(METRICS.times["total"])
        if noted and latency:
            answer = ShadowAnswer(
                str(line["version"]), latency[0], str(noted.get("class", "")), noted.get("score")
            )
            found[str(line["correlation_id"])] = answer
    return found


def shadowed(
    seen: Mapping[str, ShadowAnswer], hidden: Mapping[str, ShadowAnswer], first: str, second: str
) -> Shadowed:
    """Join the answers that callers saw with those of the shadow."""
    wanted = {id_: it for id_, it in hidden.items() if it.version == second}
    pairs = [
        (seen[id_], it) for id_, it in wanted.items() if id_ in seen and seen[id_].version == first
    ]
    labels = [one.label == other.label for one, other in pairs if one.label or other.label]
    steps = [
        abs(one.score - other.score)
        for one, other in pairs
        if one.score is not None and other.score is not None
    ]
    close = sum(step <= _CLOSE for step in steps)
    return Shadowed(
        first,
        second,
        len(pairs),
        len(wanted) - len(pairs),
        share_of(sum(labels), len(labels), _ALPHA) if labels else None,
        share_of(close, len(steps), _ALPHA) if steps else None,
        tuple(_ratio(sorted(steps), share) for share in (0.5, 0.9)) if steps else (),
        _latency(pairs),
    )


def _ratio(steps: list[int], share: float) -> float:
    return float(2 ** (steps[min(len(steps) - 1, int(share * len(steps)))] / PER_OCTAVE))


def _latency(
    pairs: list[tuple[ShadowAnswer, ShadowAnswer]],
) -> dict[str, tuple[Interval | None, Interval | None]]:
    times = ([pair[side].latency_ms for pair in pairs] for side in (0, 1))
    histograms = [Counter(step_of(it) for it in took if it is not None) for took in times]
    found = {}
    for name, share in (("p50", 0.5), ("p90", 0.9)):
        one, other = (quantile_of(it, share, _ALPHA / 2) for it in histograms)
        found[name] = (one, other)
    return found
