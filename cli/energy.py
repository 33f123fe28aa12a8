"""Options for estimates of energy that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import ENERGY, read_published

EnergyFile = Annotated[
    Path,
    typer.Option(
        "--energy",
        envvar="LADING_ENERGY",
        help="YAML file of power and electricity.",
        show_default="Lading's own",
    ),
]
Region = Annotated[
    str,
    typer.Option(
        envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
        help="AWS Region whose electricity counts; without it, there are no grams of CO2e.",
    ),
]


def estimator_of(energy: Path = ENERGY, region: str = "") -> Estimator:
    """Return an estimator of energy.

    Raises:
        EnergyUnusable: the file cannot be read, or has an invalid value.
    """
    return Estimator(read_published(energy), region)
