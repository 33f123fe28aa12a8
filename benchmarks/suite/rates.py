"""Answers per second of servers that run beside each other, asked in turns."""

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.load import ask, load
from benchmarks.suite.processes import Running
from benchmarks.suite.worlds import numbers

WARM_UP_S = 0.4


class Plan(NamedTuple):
    """How long to measure.

    Args:
        rounds: how often each server is asked; medians of them count.
        seconds: of each round.
        core: of the servers; this process is on another.
    """

    rounds: int
    seconds: float
    core: int

    @property
    def quick(self) -> bool:
        """Whether this is a smoke run, whose figures mean nothing."""
        return self.rounds == 1


class Asked(NamedTuple):
    """A server and the request that it gets."""

    running: Running
    request: bytes


class Rate(NamedTuple):
    """What one server did under one load.

    Args:
        rate: answers per second, the median of the rounds.
        p50_ms: until one answer, of all rounds.
        p99_ms: likewise.
        cpu_us: processor microseconds of the server for one answer, the median of the rounds.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float

    def words(self) -> str:
        """Return the figures in short."""
        times = f"{self.p50_ms:.3g} and {self.p99_ms:.3g} ms"
        return f"{self.rate:,.0f}/s ({times}; CPU {self.cpu_us:,.0f} us)"


def rates(asked: Mapping[str, Asked], callers: int, plan: Plan) -> dict[str, Rate]:
    """Return the figures of each server, asked in turns by so many callers.

    Raises:
        RuntimeError: an answer is not 200.
    """
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    times: dict[str, list[float]] = {name: [] for name in asked}
    for each in asked.values():
        load(each.running.port, each.request, callers, WARM_UP_S)
    for _ in range(plan.rounds):
        for name, each in asked.items():
            before = each.running.cpu_s()
            answered = load(each.running.port, each.request, callers, plan.seconds)
            spent = each.running.cpu_s() - before
            rounds[name].append((answered.rate, spent / len(answered.times) * 1e6))
            times[name] += answered.times
    return {name: _rate(rounds[name], times[name]) for name in asked}


def _rate(rounds: Sequence[tuple[float, float]], times: Sequence[float]) -> Rate:
    rate, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return Rate(rate, p50, p99, cpu)


def check_answers(asked: Mapping[str, Asked], tolerance: float = 1e-3) -> None:
    """Check that all servers answer with the same numbers.

    Raises:
        RuntimeError: one answers with others; the text names it.
    """
    answers = {name: numbers(ask(each.running.port, each.request)) for name, each in asked.items()}
    (first, expected), *others = answers.items()
    for name, found in others:
        if len(found) != len(expected) or not np.allclose(found, expected, atol=tolerance):
            raise RuntimeError(f"{name} answers {found[:4]}..., {first} answers {expected[:4]}...")


def beside(figures: Mapping[str, Rate], *without: str) -> str:
    """Return the figures of the other servers as a note."""
    return "; ".join(f"{name} {it.words()}" for name, it in figures.items() if name not in without)
