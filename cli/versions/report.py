"""`lading report`: an HTML page about a packaged version."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lading.api.reports import report
from lading.cli.energy import EnergyFile, Region, estimator_of
from lading.cli.errors import Unwritable
from lading.cli.options import LOCK, Json, Lock, Name
from lading.model_packaging.energy.published import ENERGY


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
    found = report(name, version, lock=lock, estimator=estimator_of(energy, region))
    path = output or Path(f"{name}-{found.version}.html")
    try:
        found.save(path)
    except OSError as error:
        raise Unwritable(path, error) from error
    shown = json.dumps({"model": name, "version": found.version, "file": str(path)})
    typer.echo(shown if json_ else str(path))
