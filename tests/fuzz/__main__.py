"""`python -m tests.fuzz`: atheris gives each reader inputs that reach ever more of our code.

atheris guides libFuzzer by the coverage of our modules. What it finds that covers more is kept in
`.lading/fuzz/<target>/`, and the next run begins there. An input that shows a fault is written to
`tests/fuzz/kept/<target>/`: commit it with the mending, and `test_targets.py` always tries it.
"""

import argparse
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import atheris

with atheris.instrument_imports(include=["lading.functions", "lading.model_packaging.lock"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.target import Target

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_name("kept")
_LONGEST = 1 << 16
_DONE = re.compile(r"Done (\d+) runs in")


class Run(NamedTuple):
    """What one target did: inputs that were tried, seconds, and the file of one that failed."""

    name: str
    tried: int
    seconds: float
    fault: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets one after another, print a table, and return 1 if there was a fault."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of each target (default: 60)")
    names = [target.name for target in TARGETS]
    parser.add_argument("--only", choices=names, nargs="+", default=names, metavar="TARGET")
    parser.add_argument("--corpus", type=Path, default=ROOT / ".lading/fuzz")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where inputs that fail go")
    chosen = parser.parse_args(arguments)
    runs = []
    for target in TARGETS:
        if target.name in chosen.only:
            runs.append(_fuzzed(target, chosen.seconds, chosen.corpus, chosen.kept / target.name))
            print(_line(runs[-1]), flush=True)
    faults = [run for run in runs if run.fault]
    print(f"{sum(run.tried for run in runs):,} inputs, {len(faults)} faults")
    return 1 if faults else 0


def _line(run: Run) -> str:
    outcome = f"FAULT, see {run.fault}" if run.fault else "no fault"
    return f"{run.name:<16} {run.tried:>10,} inputs in {run.seconds:>5.0f} s   {outcome}"


def _fuzzed(target: Target, seconds: int, corpus: Path, kept: Path) -> Run:
    """Fuzz in a process of its own: libFuzzer ends its process when the time is over."""
    folder = corpus / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (folder / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    output, found = folder.with_suffix(".log"), folder.with_suffix(".fault")
    found.unlink(missing_ok=True)
    started = time.monotonic()
    if (child := os.fork()) == 0:
        _run(target, seconds, folder, output, found)
    os.waitpid(child, 0)
    [tried] = _DONE.findall(output.read_text(errors="replace")) or ["0"]
    fault = None
    if not int(tried):
        content = found.read_bytes() if found.exists() else b""
        kept.mkdir(parents=True, exist_ok=True)
        fault = kept / sha256(content).hexdigest()[:16]
        fault.write_bytes(content)
        print(output.read_text(errors="replace")[-3000:], file=sys.stderr)
    return Run(target.name, int(tried), time.monotonic() - started, fault)


def _run(target: Target, seconds: int, folder: Path, output: Path, found: Path) -> None:
    """Become libFuzzer, which writes to `output`, and the input of a fault to `found`."""
    with output.open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    with _leaving(), target.opened() as attempt:

        def tried(data: bytes) -> None:
            try:
                attempt(data)
            except Exception:
                found.write_bytes(data)
                raise

        limits = (f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-timeout=20")
        files = (f"-exact_artifact_path={found}", str(folder))  # of a crash or a time-out
        atheris.Setup([sys.argv[0], "-rss_limit_mb=4096", *limits, *files], tried)
        atheris.Fuzz()


@contextlib.contextmanager
def _leaving() -> Iterator[None]:
    """End the process after the block, even by an exception, without its parent's cleaning up."""
    try:
        yield
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
