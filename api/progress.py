"""Progress of long work on standard error, with the elapsed time.

At a terminal a live line shows the current step. Elsewhere each step is a plain line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lading.model_packaging.pipeline import STAGES
from lading.model_packaging.stages import OnStage

_WIDTH = max(map(len, STAGES))

_DID_NOTHING = (
    *("not needed", "not requested", "not wanted", "not measured"),
    *("none: ", "one, serving_default"),
)
"""How the outcome of a stage begins that did not happen."""

OnStep = Callable[[str], None]
"""Called with the name of each step when it begins; an empty name ends the display."""


@contextmanager
def show_steps() -> Iterator[OnStep]:
    """Show each step while it runs; a plain line starts with the seconds since the first one."""
    console, started = Console(stderr=True), monotonic()

    def line(step: str) -> None:
        if step:
            _print(console, f"{monotonic() - started:6.1f} s  {step}")

    if not console.is_terminal:
        yield line
        return
    with live_step(console) as show:
        yield show


def timed_lines() -> Callable[[str], None]:
    """Return what writes a line that stays, with the seconds since now, on standard error."""
    console, started = Console(stderr=True), monotonic()
    return lambda text: _print(console, f"{monotonic() - started:6.1f} s  {text}")


@contextmanager
def show_stages(model: str, *, verbose: bool = True) -> Iterator[OnStage]:
    """Show each stage of a model's packaging: live while it runs, as a line when it has ended.

    Args:
        model: its name.
        verbose: whether stages that did nothing have a line too.
    """
    console, began = Console(stderr=True), monotonic()
    _print(console, model)
    with live_step(console) as show:

        def on_stage(stage: str, outcome: str) -> None:
            nonlocal began
            if outcome and (verbose or not outcome.startswith(_DID_NOTHING)):
                _print(console, f"  {stage:{_WIDTH}}  {monotonic() - began:6.1f} s  {outcome}")
            elif not outcome:
                show(stage)
            began = monotonic()

        yield on_stage


@contextmanager
def live_step(console: Console | None = None) -> Iterator[OnStep]:
    """Show the current step with a spinner and its elapsed time, only at a terminal."""
    console = console or Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("")

        def show(step: str) -> None:
            if step:
                progress.reset(task, description=escape(step))
            else:
                progress.stop()

        yield show


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
