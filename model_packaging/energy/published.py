"""Published figures of power and of electricity, from the dated file `energy.yaml` or another."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.checked_file import read_checked

ENERGY = Path(__file__).with_name("energy.yaml")

Architecture = Literal["x86_64", "arm64"]


class EnergyUnusable(PackagingError):
    """A file of power and electricity cannot be read, or has an invalid value.

    Remedy: compare the file with `model_packaging/energy/energy.yaml`.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; see model_packaging/energy/energy.yaml for an example")
        self.path, self.reason = path, reason


class _Published(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Effectiveness(_Published):
    """Energy of a data center for each unit of energy of its computers (PUE)."""

    value: float = Field(ge=1)
    source: str


class Power(_Published):
    """Watts of one vCPU or of one GPU."""

    idle: float = Field(ge=0)
    busy: float = Field(gt=0)
    source: str

    @property
    def usual(self) -> float:
        """Watts at half load, which the source assumes where the load is unknown."""
        return (self.idle + self.busy) / 2


class Grid(_Published):
    """Grams of CO2e for a kilowatt-hour, and what its source counts."""

    grams: float = Field(ge=0)
    year: int
    counts: Literal["direct", "life cycle"]
    source: str


class PublishedFigures(_Published):
    """The content of the file."""

    as_of: date
    pue: Effectiveness
    processors: dict[Architecture, Power]
    gpus: dict[str, Power]
    families: dict[str, str]
    regions: dict[str, Grid]


def read_published(path: Path = ENERGY) -> PublishedFigures:
    """Read and check a file of power and electricity.

    Raises:
        EnergyUnusable: it cannot be read, or has an invalid value.
    """
    found = read_checked(path, PublishedFigures, EnergyUnusable)
    for name in ("x86_64", "arm64"):
        if name not in found.processors:
            raise EnergyUnusable(path, f"processors.{name} is missing")
    for family, gpu in found.families.items():
        if gpu not in found.gpus:
            raise EnergyUnusable(path, f"families.{family}: there is no GPU '{gpu}' below gpus")
    return found
