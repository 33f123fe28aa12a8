"""Try what could lose a request, count what was lost, and print one table.

    python -m benchmarks.reliability [--only PART ...] [--minutes N] [--json FILE]

Each part starts servers of its own, as a container does. The command fails if a request was lost,
an answer was wrong, or a limit was not kept; times depend on what else the machine does.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from benchmarks.reliability.outcome import Outcome, Plan, table
from benchmarks.reliability.parts import NAMES, PARTS


def main(words: Sequence[str]) -> None:
    """Try the parts, print the table, and exit with 1 if something was lost."""
    arguments = _arguments(words)
    started = perf_counter()

    def say(text: str) -> None:
        print(f"{perf_counter() - started:7.0f} s  {text}", file=sys.stderr, flush=True)

    plan = Plan(
        arguments.rollouts,
        arguments.reloads,
        arguments.unloads,
        arguments.minutes,
        arguments.fuzz_seconds,
        say,
    )
    rows: list[tuple[str, Outcome]] = []
    for name in arguments.only or NAMES:
        say(f"{name} ...")
        for row in PARTS[name](plan):
            rows.append((name, row))
            say(f"{name}: {row.often} tried, {row.lost} lost, {row.wrong} wrong")
            for reason in row.reasons:
                say(f"  {reason}")
    where = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors"
    print(f"{where}\n\n{table(rows)}")
    if arguments.json:
        document = {"where": where, "rows": [{"part": name, **row._asdict()} for name, row in rows]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    if not all(row.good() for _, row in rows):
        sys.exit(1)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    usual = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=__doc__.partition("\n")[0] if __doc__ else None,
        epilog="example: make reliability RELIABILITY='--only rollouts --rollouts 20'",
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="PART", help=", ".join(NAMES))
    parser.add_argument("--rollouts", type=int, default=usual.rollouts, help="of servers")
    parser.add_argument("--reloads", type=int, default=usual.reloads, help="of a model under load")
    parser.add_argument("--unloads", type=int, default=usual.unloads, help="of a model under load")
    parser.add_argument(
        "--minutes", type=float, default=usual.minutes, help="of the soak; most of the roll-outs"
    )
    parser.add_argument(
        "--fuzz-seconds", type=int, default=usual.fuzz_seconds, metavar="N", help="of each reader"
    )
    parser.add_argument("--json", type=Path, help="a file that also gets the rows")
    return parser.parse_args(words)


if __name__ == "__main__":
    main(sys.argv[1:])
