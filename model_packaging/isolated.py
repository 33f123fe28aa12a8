"""Builds a model in a process of its own, since a framework's native code may end its process.

`serve` is what the child does. It reads a job, converts and checks the model,
and writes messages to standard output: the stages as they pass, and at the end the files, or the
error. What frameworks print goes to a file of details, and so does a traceback, or where each
thread stood when the process died.
"""

import faulthandler
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.pipeline import Builder, build_here
from lading.model_packaging.resolution import ConversionJob
from lading.model_packaging.stages import OnStage
from lading.model_packaging.store.engine_files import EngineFiles, gather
from lading.model_packaging.store.publication import Built

_COMMAND = (sys.executable, "-c", "from lading.model_packaging import isolated; isolated.serve()")


class PackagingProcessDied(PackagingError):
    """The process that converts and checks a model ended without a result."""

    def __init__(self, model: str, stage: str, ending: str, details: Path) -> None:
        super().__init__(
            f"model '{model}': the process that packages it died in stage '{stage}': {ending}; "
            f"{details} has what it printed; look for a damaged file, too little memory, or a "
            "faulty version of the framework"
        )
        self.model, self.stage, self.ending, self.details = model, stage, ending, details


@dataclass(frozen=True, slots=True)
class _Order:
    """What the child is to do, and where it puts what is large or long."""

    job: ConversionJob
    identity: str
    details: Path
    engine: Path


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception, without its traceback: errors that take facts are not rebuilt by `pickle`."""

    kind: type[BaseException]
    args: tuple[Any, ...]
    facts: dict[str, Any]

    def error(self) -> BaseException:
        """The exception with its text and facts."""
        error = self.kind.__new__(self.kind)
        error.args = self.args
        error.__dict__.update(self.facts)
        return error


@contextmanager
def isolated() -> Iterator[Builder]:
    """A `Builder` that works in a process of its own; its files last as long as the context."""
    with TemporaryDirectory(prefix="lading-") as folder:

        def isolated_build(
            job: ConversionJob, identity: str, on_stage: OnStage, details: Path
        ) -> Built:
            order = _Order(job, identity, details, Path(folder) / "engine")
            return _supervised(order, on_stage)

        yield isolated_build


def _supervised(order: _Order, on_stage: OnStage) -> Built:
    """Run the child and pass its stages on.

    Raises:
        PackagingProcessDied: it ended without a result.
        Exception: what the child raised.
    """
    order.details.parent.mkdir(parents=True, exist_ok=True)
    with order.details.open("wb") as said, _child(said) as child:
        try:
            stage, result = _follow(order, child, on_stage)
        finally:
            child.kill()
    if isinstance(result, Built):
        order.details.unlink()
        return result
    if isinstance(result, _Raised):
        if not order.details.stat().st_size:
            order.details.unlink()
        raise result.error()
    raise PackagingProcessDied(order.job.spec.name, stage, _ending(child.returncode), order.details)


def _child(said: BinaryIO) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, stderr=said)


def _follow(order: _Order, child: "subprocess.Popen[bytes]", on_stage: OnStage) -> tuple[str, Any]:
    """The stage that the child was last in, and its result; None when it died."""
    assert child.stdin is not None
    assert child.stdout is not None
    stage = "start"
    try:
        with child.stdin:
            pickle.dump(order, child.stdin)
    except BrokenPipeError:
        return stage, None
    while True:
        try:
            message = pickle.load(child.stdout)  # noqa: S301 - from this very program
        except (EOFError, pickle.UnpicklingError):
            child.wait()
            return stage, None
        if not isinstance(message, tuple):
            return stage, _with_engine(message, order)
        stage, outcome = message
        on_stage(stage, outcome)


def _with_engine(result: Any, order: _Order) -> Any:
    """The result, whose engine's files were written to a folder."""
    if not isinstance(result, Built) or not order.engine.exists():
        return result
    spec = order.job.spec
    paths = {
        path.relative_to(order.engine).as_posix(): path
        for path in sorted(order.engine.rglob("*"))
        if path.is_file()
    }
    return replace(result, engine=gather(spec.name, spec.source, paths))


def _ending(code: int) -> str:
    """How a process ended."""
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with exit code {code}"


def serve() -> None:
    """Build the job that standard input has, and write messages to standard output."""
    faulthandler.enable()
    messages = _own_output()
    order: _Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from this very program

    def send(message: object) -> None:
        pickle.dump(message, messages)
        messages.flush()

    def on_stage(stage: str, outcome: str) -> None:
        send((stage, outcome))

    try:
        built = build_here(order.job, order.identity, on_stage, order.details)
        if built.engine is not None:
            _write_engine(built.engine, order.engine)
        send(replace(built, engine=None))
    except Exception as error:  # noqa: BLE001 the parent raises it again
        send(_Raised(type(error), error.args, dict(error.__dict__)))


def _write_engine(files: EngineFiles, folder: Path) -> None:
    for path in files.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.writelines(files.read(path))


def _own_output() -> BinaryIO:
    """Standard output for messages alone: whatever else is printed goes to standard error."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return messages
