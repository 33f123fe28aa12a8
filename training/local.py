"""Trains on this machine: a process of its own, under the contract of training containers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any

from lading.model_packaging.store.durable import exclusive
from lading.training.channels import Objects
from lading.training.contract import CODE, NAME
from lading.training.contract import RECORD as MADE
from lading.training.errors import ScriptFailed, TrainingError
from lading.training.output import OnLine, Output
from lading.training.recipe import Recipe
from lading.training.runs import Run, begin, complete, find_run, folder_of, link_channel

GRACE_SECONDS = 10.0
"""For a script to save a checkpoint after SIGTERM."""

_CHUNK = 1 << 16


def train_here(
    recipe: Recipe, objects: Objects, on_line: OnLine, check: Callable[[Run], None] = lambda _: None
) -> Run:
    """Train, or return the complete training of the same recipe.

    Args:
        recipe: what to train.
        objects: the way to S3, for channels there.
        on_line: called with each line of the script's output.
        check: raises TrainingError for a model that the script should not have left.

    Raises:
        ScriptFailed: the script failed, or took too long.
        TrainingError: it left no model, or a metric never appeared.
        KeyboardInterrupt: the script was stopped; its checkpoints stay.
    """
    with exclusive(folder_of(recipe.spec) / f".{recipe.key[7:23]}.guard"):
        if known := find_run(recipe):
            return known
        run = begin(recipe)
        for channel in recipe.channels.values():
            folder = run.base / "input" / "data" / channel.name
            if channel.address:
                objects.download(channel.address, folder)
            else:
                link_channel(channel, folder)
        output = Output(recipe.train.metrics, on_line)
        _follow(recipe, run, output)
        check(run)
        return complete(run, recipe, finished(recipe, run.base, output.metrics))


def finished(recipe: Recipe, base: Path, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return what made a model, after its script has ended.

    Raises:
        TrainingError: a metric never appeared.
    """
    require_metrics(recipe, metrics)
    made = json.loads((base / "output" / "data" / MADE).read_text(encoding="utf-8"))
    return {**recipe.facts(), "metrics": dict(metrics), **made}


def require_metrics(recipe: Recipe, metrics: Mapping[str, float]) -> None:
    """Require that each metric of the manifest was found.

    Raises:
        TrainingError: one never appeared.
    """
    for name, pattern in recipe.train.metrics.items():
        if name not in metrics:
            reason = (
                f"'{pattern}' matched no number in the output; print it, or correct the pattern"
            )
            raise TrainingError(recipe.spec.place_of_training(f"metrics.{name}"), reason)


def _follow(recipe: Recipe, run: Run, output: Output) -> None:
    """Run the script to its end, and follow its output."""
    entry, late = recipe.train.entry.name, Event()
    with run.log.open("wb") as log, _script(run, entry) as script:
        limit = Timer(recipe.train.max_minutes * 60, _stop_late, (script, late))
        limit.daemon = True
        limit.start()
        assert script.stdout is not None
        while chunk := os.read(script.stdout.fileno(), _CHUNK):
            log.write(chunk)
            log.flush()
            output.feed(chunk)
        output.feed(b"", final=True)
        status = script.wait()
        limit.cancel()
    if late.is_set():
        minutes, place = recipe.train.max_minutes, recipe.spec.place_of_training("max_minutes")
        raise ScriptFailed(place, f"{entry} exceeded {minutes} minutes", run.log, output.last)
    if status:
        raise ScriptFailed(
            recipe.spec.place_of_training("entry"),
            f"{entry} {_ended(status)}",
            run.log,
            output.last,
        )


def _stop_late(script: "subprocess.Popen[bytes]", late: Event) -> None:
    late.set()
    _signal(script)
    with suppress(subprocess.TimeoutExpired):
        script.wait(GRACE_SECONDS)
    _signal(script, signal.SIGKILL)


@contextmanager
def _script(run: Run, entry: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the script in a process group of its own, which ends with this block."""
    code = run.base / "input" / "data" / CODE
    process = subprocess.Popen(
        [sys.executable, str((code / NAME).resolve()), entry, "--tethered"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process group: it may save a checkpoint first, unless it is interrupted again."""
    try:
        if process.poll() is None:
            _signal(process)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def _signal(process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ended(status: int) -> str:
    """Describe an exit status; over 128, a signal ended the script."""
    number = -status if status < 0 else status - 128
    if number in set(signal.Signals):
        name = signal.Signals(number).name
        memory = ", perhaps for lack of memory" if number == signal.SIGKILL else ""
        return f"was ended by {name}{memory}"
    return f"failed with exit code {status}"
