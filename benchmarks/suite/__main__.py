"""Measure every target of speed beside other servers, and print a row for each.

    python -m benchmarks.suite [--only NAME ...] [--quick] [--json FILE] [--write]

A group of rows starts its servers beside each other, each one process on one core with one thread
of onnxruntime, and asks them in turns from another core. Their answers are compared first. A missed
target is printed with what explains it and does not fail the command, since figures depend on the
machine.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from benchmarks.cold_start import SCRATCH
from benchmarks.suite import growth_rows, grpc_rows, http_rows, lambda_rows, other_rows
from benchmarks.suite.plots import write_plot
from benchmarks.suite.rates import Plan
from benchmarks.suite.rows import FAILED, MET, MISSED, Row, markdown, text
from lading.emulator.errors import EmulatorError

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- make bench writes this -->", "<!-- until here -->"
PLOTS = {"1 small": "rates_small.svg", "2 MiniLM": "rates_minilm.svg"}
"""How the targets of a plot's rows begin, and its file beside the README."""
GROUPS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "ceiling": http_rows.ceiling,
    "small": http_rows.small,
    "dialects": http_rows.dialects,
    "pictures": http_rows.pictures,
    "texts": http_rows.texts,
    "neighbor": http_rows.neighbor,
    "memory": http_rows.memory,
    "grpc": grpc_rows.rpc,
    "lambda": lambda_rows.cold,
    "processes": other_rows.workers,
    "packaging": other_rows.packaging,
    "growth": growth_rows.growth,
}


def main(words: Sequence[str]) -> None:
    """Measure the groups, and print the table."""
    arguments = _arguments(words)
    if not sys.platform.startswith("linux"):
        sys.exit("processes are pinned to cores, which needs Linux")
    cores = sorted(os.sched_getaffinity(0))
    plan = Plan(1, 0.3, cores[-1]) if arguments.quick else Plan(5, 1.2, cores[-1])
    os.sched_setaffinity(0, {cores[0]})
    SCRATCH.mkdir(parents=True, exist_ok=True)
    started, rows = perf_counter(), []
    for name in arguments.only or GROUPS:
        print(f"{perf_counter() - started:5.0f} s  {name} ...", file=sys.stderr, flush=True)
        for row in _rows(name, plan):
            rows.append(row)
            print(text(row), flush=True)
    heading = _heading(len(cores), quick=arguments.quick)
    _summarize(rows, perf_counter() - started)
    if arguments.json:
        document = {"machine": heading, "rows": [row._asdict() for row in rows]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    if arguments.write:
        _write(rows, heading)


def _rows(name: str, plan: Plan) -> Iterator[Row]:
    """Measure a group; one that fails is a row that says so, and the others go on."""
    try:
        yield from GROUPS[name](plan)
    except (RuntimeError, OSError, subprocess.SubprocessError, EmulatorError) as error:
        yield Row(name, "", "", verdict=FAILED, note=f"{type(error).__name__}: {error}"[-600:])


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suite", description=__doc__, formatter_class=form
    )
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, metavar="NAME", help=f"groups: {', '.join(GROUPS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run, whose figures mean nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as JSON")
    parser.add_argument(
        "--write", action="store_true", help="write table and plots into benchmarks/"
    )
    arguments = parser.parse_args(words)
    if arguments.write and (arguments.quick or arguments.only):
        parser.error("--write needs a whole run, without --quick and --only")
    return arguments


def _heading(cores: int, *, quick: bool) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "uvicorn"))
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    today = datetime.now(UTC).date()
    machine = f"{processor}, {cores} cores, Linux {platform.release()}"
    kind = "; a quick run, whose figures mean nothing" if quick else ""
    return f"{today}; {machine}; Python {platform.python_version()}, {packages}{kind}"


def _summarize(rows: Sequence[Row], seconds: float) -> None:
    verdicts = [row.verdict for row in rows]
    print(f"\n{verdicts.count(MET)} met, {verdicts.count(MISSED)} missed, ", end="")
    print(f"{verdicts.count(FAILED)} failed, ", end="")
    print(f"{len(rows)} rows in {seconds:.0f} s")


def _write(rows: Sequence[Row], heading: str) -> None:
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    table = f"{heading}.\n\n{markdown(rows)}\nAnswers per second of each server, by callers:\n\n"
    table += "".join(f"![{begins[2:]}]({name})\n\n" for begins, name in PLOTS.items())
    README.write_text(f"{before}{begin}\n{table}{end}{after}", encoding="utf-8")
    for begins, name in PLOTS.items():
        chosen = [row for row in rows if row.target.startswith(begins)]
        write_plot(README.parent / name, chosen, f"{begins[2:]}, answers per second")


if __name__ == "__main__":
    main(sys.argv[1:])
