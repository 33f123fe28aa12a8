"""Target 6: a cold start and a warm invocation on Lambda, beside a bare handler."""

import statistics
import subprocess
from collections.abc import Iterator

from benchmarks.cold_start import Contender, measure, ratio
from benchmarks.suite.rates import Plan
from benchmarks.suite.rows import MISSED, Row, absent, at_most
from lading.emulator.errors import EmulatorError


def cold(plan: Plan) -> Iterator[Row]:
    """Measure starts in AWS's own runtime client, and warm answers through its emulator."""
    rounds = 1 if plan.quick else 4 * plan.rounds
    try:
        contenders = measure(rounds, 5 if plan.quick else 25, 20 if plan.quick else 400)
    except (OSError, subprocess.SubprocessError, EmulatorError) as error:
        yield absent("6 Lambda", f"AWS's runtime client does not run here: {error}"[:200])
        return
    bare, framework, ours = contenders
    for name, limit in (("init", 1.42), ("invocation", 1.15)):
        found = ratio(getattr(ours, name), getattr(bare, name))
        note = f"beside Mangum, Starlette and Powertools {_ms(framework, name)}"
        row = at_most(f"6 Lambda {name}", _beside(ours, bare, name), found, limit, note)
        yield row._replace(note=f"{note}; {SPLIT}") if row.verdict == MISSED else row
    after = {each.name: _after_init(each) for each in contenders}
    figure = f"{after['lading']:.2f} ms, bare {after['bare']:.2f} ms"
    yield Row(
        "6 Lambda, first answer after init", "", figure, note="SnapStart's restore is not in it"
    )


SPLIT = "`python -X importtime` and tests/contracts/test_clean_import.py say what init imports"


def _ms(contender: Contender, name: str) -> str:
    return f"{statistics.median(getattr(contender, name)):.2f} ms"


def _beside(ours: Contender, bare: Contender, name: str) -> str:
    return f"{_ms(ours, name)}, bare {_ms(bare, name)}"


def _after_init(contender: Contender) -> float:
    pairs = zip(contender.init, contender.first, strict=True)
    return statistics.median(first - init for init, first in pairs)
