"""Builds a model in a separate process, since a framework's native code may crash it.

The child runs `serve`: it reads a job, converts and checks the model, and writes messages to
standard output: each stage, and at the end the files or the error. The output of frameworks goes to
a file of details, and so do tracebacks, also those of each thread when the process dies. Its time
and its memory are limited, and a model whose file may run code is built confined
(`packaging_limits.py`).
"""

import faulthandler
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

from lading.model_packaging.child_messages import is_kept, read_message
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.packaging_limits import (
    Clock,
    Limits,
    PackagingOutOfMemory,
    PackagingTimedOut,
    Start,
    restrict_memory,
    start_of,
)
from lading.model_packaging.pipeline import Builder
from lading.model_packaging.quiet import reserve_output
from lading.model_packaging.resolution import ConversionJob
from lading.model_packaging.stages import OnStage
from lading.model_packaging.store.engine_files import EngineFiles, gather
from lading.model_packaging.store.publication import Built


class PackagingProcessDied(PackagingError):
    """The process that converts and checks a model ended without a result.

    Remedy: give it more memory, check the file, or try another version of the framework.
    """

    def __init__(self, model: str, stage: str, ending: str, details: Path) -> None:
        super().__init__(
            f"model '{model}': the process that packages it died in stage '{stage}': {ending}; "
            f"{details} has what it printed; check for a damaged file, too little memory, or a "
            "faulty version of the framework"
        )
        self.model, self.stage, self.ending, self.details = model, stage, ending, details


@dataclass(frozen=True, slots=True)
class _Order:
    """The child's job, and the paths for its large results."""

    job: ConversionJob
    identity: str
    details: Path
    engine: Path
    memory: int
    """Bytes of memory that the child may take."""


@dataclass(frozen=True, slots=True)
class _Raised:
    """An exception without its traceback; `pickle` cannot rebuild errors with facts."""

    kind: type[BaseException]
    args: tuple[Any, ...]
    facts: dict[str, Any]

    def error(self) -> BaseException:
        """Rebuild the exception with its text and facts."""
        error = self.kind.__new__(self.kind)
        error.args = self.args
        error.__dict__.update(self.facts)
        return error


@contextmanager
def isolated(limits: Limits = Limits()) -> Iterator[Builder]:  # noqa: B008 it is immutable
    """Yield a `Builder` that uses a separate process; its files last as long as the context."""
    with TemporaryDirectory(prefix="lading-") as folder:

        def isolated_build(
            job: ConversionJob, identity: str, on_stage: OnStage, details: Path
        ) -> Built:
            engine = Path(folder) / "engine"
            order = _Order(job, identity, details, engine, limits.memory_bytes())
            return _supervised(order, on_stage, limits)

        yield isolated_build


def _supervised(order: _Order, on_stage: OnStage, limits: Limits) -> Built:
    """Run the child, and report its stages.

    Raises:
        ConfinementMissing: its code must be confined, and this system cannot do that.
        PackagingTimedOut, PackagingOutOfMemory: it needs more than it may take.
        PackagingProcessDied: it ended without a result.
        Exception: the child raised it.
    """
    model, confined = order.job.spec.name, limits.confines(order.job.spec)
    order.details.parent.mkdir(parents=True, exist_ok=True)
    start = start_of(order.engine.parent, order.details, confined=confined)
    with (
        order.details.open("wb") as log,
        _child(start, log) as child,
        Clock(child, limits.seconds) as clock,
    ):
        try:
            stage, result = _follow(order, child, on_stage)
        finally:
            child.kill()
    if clock.rang:
        raise PackagingTimedOut(model, stage, limits.seconds)
    if isinstance(result, Built):
        order.details.unlink()
        return result
    if isinstance(result, _Raised):
        if not order.details.stat().st_size:
            order.details.unlink()
        if issubclass(result.kind, MemoryError):
            raise PackagingOutOfMemory(model, stage, order.memory)
        raise result.error()
    raise PackagingProcessDied(model, stage, _ending(child.returncode), order.details)


def _child(start: Start, log: BinaryIO) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(
        start.command, stdin=pipe, stdout=pipe, stderr=log, env=start.environment
    )


def _follow(order: _Order, child: "subprocess.Popen[bytes]", on_stage: OnStage) -> tuple[str, Any]:
    """Return the child's last stage and its result; None if it died."""
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
            message = read_message(child.stdout)
        except EOFError:
            child.wait()
            return stage, None
        except pickle.UnpicklingError:
            child.kill()  # nothing that it says from now on is believed
            child.wait()
            return stage, None
        if not isinstance(message, tuple):
            return stage, _with_engine(message, order)
        stage, outcome = map(str, message)
        on_stage(stage, outcome)


def _with_engine(result: Any, order: _Order) -> Any:
    """Add the engine's files, which the child wrote to a folder, to the result."""
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
    """Describe how a process ended."""
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with exit code {code}"


def serve() -> None:
    """Build the job from standard input, and write messages to standard output."""
    faulthandler.enable()
    messages = reserve_output()
    from lading.model_packaging.building import build_here  # not in the process that waits

    order: _Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from this very program

    restrict_memory(order.memory)

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
        send(_raised(error))


def _raised(error: Exception) -> _Raised:
    """Describe an error; one of a library's own class is described by its text."""
    if _lacks_memory(error):
        return _Raised(MemoryError, error.args, {})
    kind = type(error)
    if is_kept(kind):
        return _Raised(kind, error.args, dict(error.__dict__))
    return _Raised(RuntimeError, (f"{kind.__module__}.{kind.__qualname__}: {error}",), {})


def _lacks_memory(error: BaseException | None) -> bool:
    """Return whether an error, or what it was raised from, is a lack of memory."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or error.__context__
    return error is not None


def _write_engine(files: EngineFiles, folder: Path) -> None:
    for path in files.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.writelines(files.read(path))
