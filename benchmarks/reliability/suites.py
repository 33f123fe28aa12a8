"""What tests prove: each fault of docs/faults.md, who may do what, and what atheris finds."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

from benchmarks.reliability.outcome import Figure, Outcome, Plan

ROOT = Path(__file__).parents[2]
_PROOF = re.compile(r"`(tests/[^`]+::\w+)`")
_FUZZED = re.compile(r"^(\S+) +([\d,]+) inputs in .*?(no fault|FAULT.*)$", re.MULTILINE)


def faults(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the fault matrix."""
    proofs = sorted(set(_PROOF.findall((ROOT / "docs/faults.md").read_text())))
    yield _tested(plan, "the tests of docs/faults.md", proofs)


def policies(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of the policies: routes, tokens and methods in every combination."""
    room = "tests/contracts"
    files = (f"{room}/test_policies.py", f"{room}/test_threat_model.py")
    yield _tested(plan, "who may call what", files)


def fuzz(plan: Plan) -> Iterator[Outcome]:
    """Yield the row of what atheris tried."""
    command = (sys.executable, "-m", "tests.fuzz", "--seconds", str(plan.fuzz_seconds))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    runs = _FUZZED.findall(done.stdout)
    failed = [f"{name}: {outcome}" for name, _, outcome in runs if outcome != "no fault"]
    if done.returncode and not failed:
        failed = [done.stderr[-500:]]
    tried = sum(int(count.replace(",", "")) for _, count, _ in runs)
    figures = [Figure(f"{len(runs)} readers, {plan.fuzz_seconds} s each")]
    yield Outcome("hostile inputs", tried, wrong=len(failed), figures=figures, reasons=failed)


def _tested(plan: Plan, what: str, tests: Sequence[str]) -> Outcome:
    """Run tests in a process of their own, and count them."""
    with TemporaryDirectory(prefix="lading-reliability-") as folder:
        report = Path(folder, "tests.xml")
        command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
        with Path(folder, "tests.log").open("w+") as log:
            subprocess.run(
                (*command, f"--junitxml={report}", *tests),
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
            log.seek(0)
            plan.say(log.read().rstrip().rpartition("\n")[2])
        return read_report(what, report)


def read_report(what: str, report: Path) -> Outcome:
    """Return the row of tests that have run.

    Args:
        what: what they prove.
        report: their JUnit report; if it is missing, they could not run.
    """
    if not report.exists():
        return Outcome(what, 0, wrong=1, reasons=["the tests could not run"])
    cases = [*ET.parse(report).iter("testcase")]  # noqa: S314 our own file
    failed = [it for it in cases if it.find("failure") is not None or it.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    names = [f"{it.get('classname')}::{it.get('name')}" for it in failed]
    figures = [Figure(f"{skipped} skipped")] if skipped else []
    return Outcome(
        what, len(cases) - skipped, wrong=len(failed), figures=figures, reasons=names[:5]
    )
