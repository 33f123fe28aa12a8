"""`lading drift`: whether requests still look like the rows that a model was tried on."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from lading.api.errors import InputUnreadable
from lading.api.locked import chosen_version
from lading.cli.drift.edges import Bins
from lading.cli.drift.monitor import monitor_files
from lading.cli.drift.page import render_drift
from lading.cli.errors import CliError, Unwritable
from lading.cli.options import LOCK, Json, Lock, Name
from lading.cli.tables import show_table
from lading.functions.drift.verdict import FEWEST_ROWS, LARGE, Judged, judge
from lading.functions.drift.windows import Window, sum_lines
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.store.transfer import read_nearest

_STANDARD_INPUT = Path("-")
_SHOWN = 10
_DRIFTS = 1

_LOG = typer.Option("--log", metavar="FILE", help="The service's log; - is standard input.")
_VERSION = typer.Option(help="Default: the stable one.")
_OUTPUT = typer.Option(metavar="FILE", help="Write a page with plots.")
_MONITOR = typer.Option(metavar="FOLDER", help="Write SageMaker Model Monitor's JSON files.")
_PSI = typer.Option("--psi", min=0.01, max=10, help="The PSI from which a shift matters.")
_FAIL = typer.Option("--fail", help="Exit with 1 if a feature drifts.")


def drift(
    name: Name,
    log: Annotated[list[Path], _LOG],
    version: Annotated[int | None, _VERSION] = None,
    output: Annotated[Path | None, _OUTPUT] = None,
    monitor: Annotated[Path | None, _MONITOR] = None,
    large: Annotated[float, _PSI] = LARGE,
    lock: Lock = LOCK,
    json_: Json = False,
    fail: Annotated[bool, _FAIL] = False,
) -> None:
    """Compare the requests of a log with the baseline that packaging recorded.

    The service counts what a version gets and answers in the bins of its baseline, and writes the
    counts with its log lines once a minute; no request is kept. This sums them, and gives for each
    input and output its population stability index (PSI), its chi-squared test, Kolmogorov and
    Smirnov's distance (KS), and the shares of missing values and of those out of range.

    Examples:

        lading drift digits --log container.log

        lading drift digits --log container.log --output drift.html --monitor monitor

        aws logs tail /aws/lambda/NAME --since 1h | lading drift digits --log - --json
    """
    number = chosen_version(lock, name, version)
    window = _window(name, number, log)
    entry = read_lock(lock).model(name).versions[number]
    bins = Bins(read_nearest(name, number, entry, lock).artifact, window.baseline)
    verdict = judge(window, large)
    if output:
        _write(output, render_drift(window, verdict, bins))
    if monitor:
        for file, content in monitor_files(window, verdict, bins, large).items():
            _write(monitor / file, json.dumps(content, indent=2) + "\n")
    if json_:
        typer.echo(json.dumps(_document(window, verdict, output), indent=2))
    else:
        _show(window, verdict)
        if output:
            typer.echo(str(output))
    if fail and any(each.drifts for each in verdict):
        raise typer.Exit(_DRIFTS)


def _window(name: str, number: int, logs: Iterable[Path]) -> Window:
    """Return the window of a version, summed over all logs.

    Raises:
        CliError: the logs have no counts of it.
    """
    found = [
        window
        for window in sum_lines(_lines(logs))
        if (window.model, window.version) == (name, str(number))
    ]
    if not found:
        raise CliError(
            f"the log has no counts of model '{name}', version {number}: a version that was "
            "packaged with held-out rows (accuracy.data) is counted once a minute, and when a "
            "container stops"
        )
    return max(found, key=lambda window: window.until)


def _lines(logs: Iterable[Path]) -> Iterator[str]:
    for path in logs:
        with _opened(path) as lines:
            yield from lines


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if path == _STANDARD_INPUT:
        yield sys.stdin
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield lines
    except OSError as error:
        raise InputUnreadable(str(path), error.strerror or str(error)) from error


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise Unwritable(path, error) from error


def _document(window: Window, verdict: Sequence[Judged], page: Path | None) -> Mapping[str, Any]:
    about = {key: value for key, value in asdict(window).items() if key != "features"}
    return {
        **about,
        "version": int(window.version),
        "baseline_rows": about.pop("rows"),
        "drifts": [each.name for each in verdict if each.drifts],
        "features": [asdict(each) for each in verdict],
        "page": str(page) if page else None,
    }


def _show(window: Window, verdict: Sequence[Judged]) -> None:
    counted = f"{window.counted:,} of {window.requests:,} requests counted"
    if not verdict:
        typer.echo(f"not judged: fewer than {FEWEST_ROWS} rows; {counted}")
        return
    headings = ("feature", "side", "rows", "PSI", "KS", "p", "missing", "outside", "")
    show_table(headings, map(_cells, verdict[:_SHOWN]), right=("rows",))
    if len(verdict) > _SHOWN:
        typer.echo(f"and {len(verdict) - _SHOWN} more with a smaller PSI")
    drifting = [each.name for each in verdict if each.drifts]
    told = f"drift in {', '.join(drifting[:_SHOWN])}" if drifting else "no drift"
    typer.echo(f"{told}: {counted}, baseline of {window.rows:,} rows")


def _cells(each: Judged) -> list[str]:
    return [
        *(each.name, each.side, f"{each.rows:,}", f"{each.psi:.3f}"),
        *("" if each.ks is None else f"{each.ks:.3f}", f"{each.p:.2g}"),
        *(f"{each.missing:.1%}", f"{each.outside:.1%}", "drifts" if each.drifts else ""),
    ]
