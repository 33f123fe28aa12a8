"""`lading evaluate`: compare two versions of a model on the same rows."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from lading.api.locked import locked_model
from lading.cli.errors import Unwritable
from lading.cli.lock_edits import version_of
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest, Name
from lading.cli.tables import show_table
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.store.transfer import read_nearest
from lading.training.evaluation import ComparedMetric, Evaluation, evaluate, settings_of
from lading.training.page import render_evaluation

_VERSION = typer.Option("--version", metavar="A", help="Challenger: number or label; the newest.")
_AGAINST = typer.Option(metavar="B", help="Champion: number or label.")
_DATA = typer.Option(help="File of rows with their truth; by default accuracy.data.")
_OUTPUT = typer.Option(help="The page; default: NAME-A-against-B.html.")


def evaluate_versions(
    name: Name,
    version: Annotated[str | None, _VERSION] = None,
    against: Annotated[str, _AGAINST] = DEFAULT_LABEL,
    data: Annotated[Path | None, _DATA] = None,
    output: Annotated[Path | None, _OUTPUT] = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Compare a version with the one that serves, on the same rows, and propose its label.

    It writes one HTML page with metrics and their 95 % intervals, slices, a confusion matrix and
    calibration. The key `evaluate` of the manifest has the metrics, the slices and the rule for the
    label; the lock is not changed.

    Examples:

        lading evaluate churn

        lading evaluate churn --version 3 --against 2 --data recent.csv --json
    """
    (spec,) = load_manifest(manifest).select([name])
    if data is not None:
        accuracy, _ = settings_of(spec)
        spec = replace(spec, accuracy=replace(accuracy, data=data))
    newest = str(max(locked_model(lock, read_lock(lock), name).versions))
    numbers = (version_of(lock, name, against), version_of(lock, name, version or newest))
    champion, challenger = (_artifact(lock, name, number) for number in numbers)
    found = evaluate(spec, champion, challenger, numbers)
    path = _write(found, output)
    if json_:
        typer.echo(json.dumps({**asdict(found), "page": str(path)}, indent=2))
        return
    _show(spec, found)
    typer.echo(str(path))


def _artifact(lock: Path, name: str, number: int) -> Artifact:
    entry = read_lock(lock).model(name).versions[number]
    return read_nearest(name, number, entry, lock).artifact


def _write(found: Evaluation, output: Path | None) -> Path:
    path = output or Path(f"{found.model}-{found.challenger}-against-{found.champion}.html")
    try:
        path.write_text(render_evaluation(found), encoding="utf-8")
    except OSError as error:
        raise Unwritable(path, error) from error
    return path


def _show(spec: ModelSpec, found: Evaluation) -> None:
    headings = ("", "rows", "metric", f"version {found.champion}", f"version {found.challenger}")
    show_table((*headings, "drop (95 %)"), _rows(found), right=("rows",))
    label = found.decision.label
    proposed = f"proposed label: {label}" if label else "no label is proposed"
    typer.echo(f"{proposed}; {found.decision.reason}")
    if label:
        command = f"lading label {spec.name} {label} {found.challenger}"
        typer.echo(f"to set it: {command}", err=True)


def _rows(found: Evaluation) -> Iterator[list[str]]:
    yield from (["all", *_cells(each)] for each in found.compared)
    for part in found.slices:
        yield from ([f"{part.column} {part.value}", *_cells(each)] for each in part.compared)


def _cells(each: ComparedMetric) -> list[str]:
    values = [f"{value:.4f}" if value is not None else "" for value in (each.before, each.after)]
    interval = f" ({each.intervals.drop})" if each.intervals else " (too few rows)"
    drop = f"{each.drop:+.4f}{interval}" if each.drop is not None else "undefined"
    return [f"{each.rows:,}", each.metric, *values, drop]
