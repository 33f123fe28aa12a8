"""Simulate judged roll-outs: how often an equal version is stopped, and how soon a worse one.

`python -m benchmarks.judged` runs the judge's own code (`functions/evidence`) on simulated minutes
of traffic. Ten thousand roll-outs take two versions that are equal. The load differs from minute to
minute, and in the middle of the roll-out both versions fail ten times as often for a while, as when
something behind them is down. Then a version is worse in one way, and the requests until it is
stopped are counted.

`--equal N` and `--worse N` choose how many roll-outs there are of each kind; `--json FILE` writes
the figures.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import numpy as np

from lading.functions.contract.steps import step_of
from lading.functions.evidence.counts import VersionCounts
from lading.functions.evidence.trial import Rules, Trial, Verdict

MINUTES = 30
"""Of an A/A roll-out; it is judged after each."""
BEFORE = 10
"""Minutes of the old version alone, from which the first limits are taken."""
INCIDENT = range(12, 15)
MOST_REQUESTS = 1_000_000
"""Requests after which a worse version that was not stopped counts as not found."""

STRICT = Rules(errors=1.0, latency=1.0, answers=1.0)
CLASSES = (0.55, 0.25, 0.12, 0.05, 0.03)


@dataclass(frozen=True, slots=True)
class Behavior:
    """How a simulated version answers.

    Args:
        error_rate: share of its requests that fail.
        median_ms: median of its latencies, which are lognormal.
        spread: standard deviation of their logarithms.
        classes: share of each class among its answers.
        score: parameters of the beta distribution of its scores.
    """

    error_rate: float = 0.01
    median_ms: float = 20.0
    spread: float = 0.5
    classes: tuple[float, ...] = CLASSES
    score: tuple[float, float] = (5.0, 2.0)


NORMAL = Behavior()
WORSE = {
    "errors x 2": replace(NORMAL, error_rate=0.02),
    "errors x 1.5": replace(NORMAL, error_rate=0.015),
    "errors x 1.2": replace(NORMAL, error_rate=0.012),
    "latency + 50 %": replace(NORMAL, median_ms=30.0),
    "latency + 20 %": replace(NORMAL, median_ms=24.0),
    "one class 12 % -> 20 %": replace(NORMAL, classes=(0.47, 0.25, 0.20, 0.05, 0.03)),
    "scores 0.71 -> 0.65": replace(NORMAL, score=(5.0, 2.7)),
}
SOON = tuple(name for name in WORSE if not name.startswith("errors"))
"""Found within few requests, so that these are counted in smaller minutes."""
RULES = {"nothing tolerated": STRICT, "the defaults": Rules()}


class Traffic(NamedTuple):
    """Requests of a minute, the new version's share of them, and whether there is an incident."""

    requests: int = 1000
    share: float = 0.1
    incident: bool = False


EQUAL = {
    "1,000 a minute, 10 % new": Traffic(incident=True),
    "1,000 a minute, 50 % new": Traffic(share=0.5, incident=True),
    "60 a minute, 10 % new": Traffic(requests=60, incident=True),
}
USUAL, FINE = Traffic(), Traffic(requests=200)


class Ended(NamedTuple):
    """A simulated roll-out: whether it was stopped, and after how many requests."""

    stopped: bool
    requests: int
    new_requests: int


def counted(behavior: Behavior, requests: int, chance: np.random.Generator) -> VersionCounts:
    """Return what a version's minute is counted as."""
    times = chance.lognormal(np.log(behavior.median_ms), behavior.spread, requests)
    scores = chance.beta(*behavior.score, requests)
    labels = chance.multinomial(requests, behavior.classes)
    return VersionCounts(
        requests=requests,
        errors=int(chance.binomial(requests, behavior.error_rate)),
        latency=_histogram(times),
        classes={f"class {number}": int(count) for number, count in enumerate(labels)},
        scores=_histogram(scores),
    )


def _histogram(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> dict[int, int]:
    """Return the values on the grid; numpy's logarithm is that of `step_of`, but for many."""
    steps = np.floor(np.log2(values) * 16).astype(int) + step_of(1.0)
    found, counts = np.unique(steps, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def minutes(
    new: Behavior, traffic: Traffic, longest: int, chance: np.random.Generator
) -> Iterator[tuple[VersionCounts, VersionCounts]]:
    """Yield the minutes of a roll-out: what the old and the new version did."""
    for minute in range(longest):
        load = chance.poisson(traffic.requests * (1 + 0.5 * np.sin(minute / 5)))
        moved = int(chance.binomial(load, traffic.share))
        failing = 10.0 if traffic.incident and minute in INCIDENT else 1.0
        versions = [replace(it, error_rate=it.error_rate * failing) for it in (NORMAL, new)]
        yield counted(versions[0], load - moved, chance), counted(versions[1], moved, chance)


def roll_out(new: Behavior, rules: Rules, traffic: Traffic, longest: int, seed: int) -> Ended:
    """Simulate one roll-out, which is judged after every minute."""
    chance = np.random.default_rng(seed)
    trial = Trial(rules, before=counted(NORMAL, BEFORE * traffic.requests, chance))
    for old, moved in minutes(new, traffic, longest, chance):
        trial.add(old, moved)
        if trial.verdict() == Verdict.WORSE:
            break
    stopped = trial.verdict() == Verdict.WORSE
    return Ended(stopped, trial.old.requests + trial.new.requests, trial.new.requests)


def many(new: Behavior, rules: Rules, traffic: Traffic, longest: int, count: int) -> list[Ended]:
    """Simulate many roll-outs, on all processors; their seeds are 0, 1, 2, ..."""
    one = partial(roll_out, new, rules, traffic, longest)
    with ProcessPoolExecutor() as pool:
        return list(pool.map(one, range(count), chunksize=max(count // 64, 1)))


def equal_rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield the figures of roll-outs whose versions are equal."""
    for (rules_name, rules), (name, traffic) in product(RULES.items(), EQUAL.items()):
        if rules != STRICT and traffic.share != USUAL.share:
            continue  # what tolerates more stops less
        ended = many(NORMAL, rules, traffic, MINUTES, count)
        stopped = sum(it.stopped for it in ended)
        yield {"traffic": name, "rules": rules_name, "rollouts": count, "stopped": stopped}


def worse_rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield how many requests it takes to stop a version that is worse in one way."""
    for (name, behavior), (rules_name, rules) in product(WORSE.items(), RULES.items()):
        if rules.errors == STRICT.errors and rules != STRICT and name not in SOON:
            continue  # the same rule for errors, and the same figures
        traffic = FINE if name in SOON else USUAL
        longest = MOST_REQUESTS // traffic.requests
        ended = many(behavior, rules, traffic, longest, count)
        found = [it for it in ended if it.stopped]
        both, new = (
            np.quantile([getattr(it, field) for it in ended], (0.5, 0.9)).round().astype(int)
            for field in ("requests", "new_requests")
        )
        yield {
            "worse": name,
            "rules": rules_name,
            "stopped": len(found) / count,
            "requests": both.tolist(),
            "new_requests": new.tolist(),
        }


def main() -> None:
    """Run the simulation, and print its tables as Markdown."""
    parser = argparse.ArgumentParser(description="Simulate judged roll-outs.")
    parser.add_argument("--equal", type=int, default=10_000, help="roll-outs of equal versions")
    parser.add_argument("--worse", type=int, default=300, help="roll-outs of each worse version")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    started = monotonic()
    figures: dict[str, list[dict[str, Any]]] = {"equal": [], "worse": []}
    print("| traffic | rules | A/A roll-outs | stopped |\n|---|---|---|---|", flush=True)
    for row in equal_rows(options.equal):
        figures["equal"].append(row)
        rate = row["stopped"] / row["rollouts"]
        print(
            f"| {row['traffic']} | {row['rules']} | {row['rollouts']:,} | {rate:.2%} |", flush=True
        )
        _tell(started)
    print("\n| the new version | rules | stopped | requests (p50; p90) | of these, new |")
    print("|---|---|---|---|---|")
    for row in worse_rows(options.worse):
        figures["worse"].append(row)
        both, new = (
            "; ".join(f"{it:,}" for it in row[key]) for key in ("requests", "new_requests")
        )
        print(
            f"| {row['worse']} | {row['rules']} | {row['stopped']:.0%} | {both} | {new} |",
            flush=True,
        )
        _tell(started)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def _tell(started: float) -> None:
    print(f"  {monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
