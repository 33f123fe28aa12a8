"""`lading report`: an HTML page about a packaged version."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lading.api.reports import ModelReport, report
from lading.cli.energy import EnergyFile, Region, estimator_of
from lading.cli.errors import Unwritable
from lading.cli.lock_edits import NOTHING_WRITTEN
from lading.cli.options import LOCK, Json, Lock, Name
from lading.model_packaging.energy.published import ENERGY

_DRY = typer.Option("--dry-run", help="Name the file; write nothing.")


def write_report(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the stable one.")] = None,
    output: Annotated[Path | None, typer.Option(help="Default: NAME-VERSION.html.")] = None,
    lock: Lock = LOCK,
    energy: EnergyFile = ENERGY,
    region: Region = "",
    dry_run: Annotated[bool, _DRY] = False,
    json_: Json = False,
) -> None:
    """Write one HTML file about the packaging of a model, stage by stage.

    It shows sizes, latencies, the metric with its confidence interval, the decision of the accuracy
    gate, energy, and what made the model. The file loads nothing from the network.

    Examples:

        lading report digits

        lading report digits --version 2 --output digits.html

        lading report digits --region eu-west-1

        lading report digits --dry-run
    """
    found = report(name, version, lock=lock, estimator=estimator_of(energy, region))
    path = output or Path(f"{name}-{found.version}.html")
    if not dry_run:
        _save(found, path)
    if json_:
        document = {"model": name, "version": found.version, "file": str(path)}
        typer.echo(json.dumps({**document, "dry_run": True} if dry_run else document))
        return
    typer.echo(path)
    if dry_run:
        typer.echo(NOTHING_WRITTEN, err=True)


def _save(found: ModelReport, path: Path) -> None:
    try:
        found.save(path)
    except OSError as error:
        raise Unwritable(path, error) from error
