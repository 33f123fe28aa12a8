"""`lading report`: an HTML page about a packaged version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import InputUnreadable
from lading.api.locked import chosen_version
from lading.cli.energy import EnergyFile, Region, estimator_of
from lading.cli.errors import Unwritable
from lading.cli.options import LOCK, Json, Lock, Name
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import REPORT, SPECIFICATION
from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.lock.file import read_lock, version_folder
from lading.model_packaging.report.figures import read_report
from lading.model_packaging.report.page import render_page


def write_report(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the stable one.")] = None,
    output: Annotated[Path | None, typer.Option(help="Default: NAME-VERSION.html.")] = None,
    lock: Lock = LOCK,
    energy: EnergyFile = ENERGY,
    region: Region = "",
    json_: Json = False,
) -> None:
    """Write one HTML file about the packaging of a model, stage by stage.

    It shows sizes, latencies, the metric with its confidence interval, the decision of the accuracy
    gate, energy, and what made the model. The file loads nothing from the network.

    Examples:

        lading report digits

        lading report digits --version 2 --output digits.html

        lading report digits --region eu-west-1
    """
    number = chosen_version(lock, name, version)
    digest = read_lock(lock).model(name).versions[number].digest
    folder = version_folder(lock, name, number)
    specification = read_artifact(folder, digest).specification
    try:
        figures, estimator = _figures(folder / REPORT), estimator_of(energy, region)
        page = render_page(specification, figures, number, digest, estimator)
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
