"""The parts of `make reliability`. To add one, write a module, and add a line here."""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.reliability import (
    admission,
    long_json,
    reloads,
    rollouts,
    slow_callers,
    soak,
    suites,
)
from benchmarks.reliability.outcome import Part

PARTS: Final[Mapping[str, Part]] = {
    "faults": suites.faults,
    "policies": suites.policies,
    "fuzz": suites.fuzz,
    "admission": admission.admission,
    "slow_callers": slow_callers.slow_callers,
    "long_json": long_json.long_json,
    "rollouts": rollouts.rollouts,
    "reloads": reloads.reloads,
    "unloads": reloads.unloads,
    "soak": soak.soak,
}
"""By their names on the command line, in the order of the table."""

NAMES: Final[Sequence[str]] = tuple(PARTS)
