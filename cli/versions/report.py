"""`lading report`: an HTML page about a packaged version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli.errors import InputUnreadable, Unwritable
from lading.cli.locked import chosen_version
from lading.cli.options import LOCK, Json, Lock, Name
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import REPORT, SPECIFICATION
from lading.model_packaging.lock.file import read_lock, version_folder
from lading.model_packaging.report.figures import read_report
from lading.model_packaging.report.page import render_page


def write_report(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the stable one.")] = None,
    output: Annotated[Path | None, typer.Option(help="Default: NAME-VERSION.html.")] = None,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Write one HTML file about the packaging of a model, stage by stage.

    It shows sizes, latencies, the metric with its confidence interval, and the decision of the
    accuracy gate. The file loads nothing from the network.

    Examples:

        lading report digits

        lading report digits --version 2 --output digits.html
    """
    number = chosen_version(lock, name, version)
    digest = read_lock(lock).model(name).versions[number].digest
    folder = version_folder(lock, name, number)
    specification = read_artifact(folder, digest).specification
    try:
        page = render_page(specification, _figures(folder / REPORT), number, digest)
    except ValueError as error:
        raise InputUnreadable(str(folder / SPECIFICATION), str(error)) from error
    path = output or Path(f"{name}-{number}.html")
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Unwritable(path, error) from error
    shown = json.dumps({"model": name, "version": number, "file": str(path)})
    typer.echo(shown if json_ else str(path))


def _figures(path: Path) -> Mapping[str, Any]:
    """Return the content of report.json; empty when it cannot be read."""
    try:
        return read_report(path.read_bytes())
    except OSError:
        return {}
