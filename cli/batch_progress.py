"""The progress of a batch on standard error: rows, rows a second, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from lading.batch.progress import OnProgress, Progress

_EVERY_SECONDS = 10.0
_MINUTE = 60


@contextmanager
def show_batch(clock: Callable[[], float] = monotonic) -> Iterator[OnProgress]:
    """Show the progress: a bar at a terminal, elsewhere a line at most every ten seconds.

    Args:
        clock: returns seconds.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, clock)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda found: bar.update(task, completed=found.share, description=told(found))


def _lines(console: Console, clock: Callable[[], float]) -> OnProgress:
    last = clock()

    def show(found: Progress) -> None:
        nonlocal last
        if clock() - last >= _EVERY_SECONDS:
            last = clock()
            console.print(f"{found.share:6.1%}  {told(found)}", highlight=False, soft_wrap=True)

    return show


def told(found: Progress) -> str:
    """Return the progress as a text."""
    failed = f", {found.failed:,} failed" if found.failed else ""
    left = "" if found.seconds_left is None else f", {duration(found.seconds_left)} left"
    return f"{found.rows:,} rows{failed}, {found.rows_per_second:,.0f} rows/s{left}"


def duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds, such as 1:02:03."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
