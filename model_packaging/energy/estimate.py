"""Joules and grams of CO2e of computing, as ranges of a factor 2.

The method is that of Cloud Carbon Footprint (methodology, March 2024): vCPU time times the watts of
a vCPU at half load, the same for GPUs, times the data center's PUE, times the grid's intensity. On
Lambda a function has memory / 1,769 MB vCPUs while it answers. Memory, disks, the network and the
making of the machines are left out. The figures behind it are uncertain by a factor 2 and more, so
a range says what digits would hide.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.functions.contract.limits import LAMBDA
from lading.model_packaging.energy.published import Architecture, Power, PublishedFigures
from lading.model_packaging.placement.options import MILLION, MONTH_HOURS, Option
from lading.model_packaging.placement.prices import Instance, Prices

_JOULES_OF_KWH = 3_600_000.0
_SPREAD = math.sqrt(2)
_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Energy:
    """An estimate: joules, and grams of CO2e (None for a region without a published grid)."""

    joules: float
    grams: float | None

    def times(self, factor: float) -> "Energy":
        """Return the estimate of `factor` times as much work."""
        return Energy(self.joules * factor, None if self.grams is None else self.grams * factor)

    def to_json(self) -> dict[str, Any]:
        """As ranges: `{"joules": [low, high], "grams_co2e": [low, high]}`."""
        grams = None if self.grams is None else list(factor_two(self.grams))
        return {"joules": list(factor_two(self.joules)), "grams_co2e": grams}

    def __str__(self) -> str:
        """For people.

        >>> str(Energy(240_000, 19.6))
        '200 to 400 kJ, 10 to 20 g CO2e'
        """
        grams = None if self.grams is None else factor_two(self.grams)
        return range_in_words(factor_two(self.joules), grams)


def range_in_words(joules: Sequence[float], grams: Sequence[float] | None) -> str:
    """Return ranges, each of a low and a high number, for people.

    >>> range_in_words((0.2, 0.4), None)
    '0.2 to 0.4 J'
    """
    energy = _readable(joules, ("J", "kJ", "MJ", "GJ", "TJ"))
    if grams is None:
        return energy
    return f"{energy}, {_readable(grams, ('g', 'kg', 't', 'kt', 'Mt'))} CO2e"


def factor_two(estimate: float) -> tuple[float, float]:
    """Return a range of a factor 2 around an estimate; its lower end has one digit.

    >>> factor_two(240_000)
    (200000.0, 400000.0)
    """
    if estimate <= 0:
        return 0.0, 0.0
    low = float(f"{estimate / _SPREAD:.0e}")
    return low, 2 * low


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates the energy of computing in one region.

    Args:
        published: see `published.read_published`.
        region: of the data center; its grid decides the grams.
    """

    published: PublishedFigures
    region: str

    def of_processors(
        self, vcpu_seconds: float, architecture: Architecture = "x86_64", *, busy: bool = False
    ) -> Energy:
        """Return the energy of vCPU time: at half load, or of measured processor time if `busy`."""
        power = self.published.processors[architecture]
        return self._energy(vcpu_seconds * (power.busy if busy else power.usual))

    def of_instances(self, type_: str, instance: Instance, hours: float) -> Energy:
        """Return the energy of an instance that runs for some hours, at half load."""
        watts = instance.processors * self.published.processors[_architecture(type_)].usual
        watts += instance.gpus * self._gpu(type_).usual if instance.gpus else 0
        return self._energy(watts * hours * 3600)

    def of_answers(self, milliseconds: float) -> Energy:
        """Return the energy of a million answers, each with this time of one busy processor."""
        return self.of_processors(milliseconds / 1000 * MILLION, busy=True)

    def of_training(self, made: Mapping[str, Any]) -> Energy | None:
        """Return the energy of a training; None for a GPU whose power is not published.

        Args:
            made: `training` of artifact.json: measured processor seconds count at full load, and
                the GPUs of the machine at half load for the whole time.
        """
        machine = made["machine"]
        arm = machine["architecture"] in ("arm64", "aarch64")
        watt_seconds = (
            made["processor_seconds"] * self.published.processors["arm64" if arm else "x86_64"].busy
        )
        for name in machine["gpus"]:
            power = self._named_gpu(name)
            if power is None:
                return None
            watt_seconds += made["seconds"] * power.usual
        return self._energy(watt_seconds)

    def of_a_million(self, option: Option, prices: Prices) -> Energy | None:
        """Return the energy of a million predictions; None for what is not known.

        On Lambda it is that of their own time. Instances run all month: a million predictions have
        their share of it, so few requests are expensive.
        """
        if option.target == "lambda":
            if option.answers_ms is None:
                return None
            vcpus = int(option.size.removesuffix(" MB")) / LAMBDA.processor_mb
            return self.of_processors(option.answers_ms / 1000 * vcpus * MILLION)
        managed = option.target == "lambda-managed"
        instance = (prices.managed.instances if managed else prices.sagemaker).get(option.size)
        if instance is None or (instance.gpus and self._family(option.size) is None):
            return None
        month = self.of_instances(option.size, instance, MONTH_HOURS * option.instances)
        return month.times(MILLION / option.requests)

    def _energy(self, watt_seconds: float) -> Energy:
        joules = watt_seconds * self.published.pue.value
        grid = self.published.regions.get(self.region)
        return Energy(joules, None if grid is None else joules / _JOULES_OF_KWH * grid.grams)

    def _named_gpu(self, name: str) -> Power | None:
        """Return the power of a GPU by its full name, such as NVIDIA A10G."""
        words, known = re.split(r"[\s-]+", name), self.published.gpus
        return next((known[each] for each in words if each in known), None)

    def _gpu(self, type_: str) -> Power:
        return self.published.gpus[self.published.families[_family(type_)]]

    def _family(self, type_: str) -> str | None:
        return self.published.families.get(_family(type_))


def _family(type_: str) -> str:
    """Return the family of an instance type.

    >>> _family("ml.g5.2xlarge")
    'g5'
    """
    return type_.removeprefix("ml.").partition(".")[0]


def _architecture(type_: str) -> Architecture:
    """Return the architecture of an instance type: Graviton's have a g after the generation.

    >>> _architecture("ml.c7g.large"), _architecture("g5.xlarge")
    ('arm64', 'x86_64')
    """
    after_generation = _family(type_).lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789")
    return "arm64" if after_generation.startswith("g") else "x86_64"


def _readable(numbers: Sequence[float], units: tuple[str, ...]) -> str:
    low, high = numbers
    for unit in units[:-1]:
        if high < _THOUSAND:
            return f"{_short(low)} to {_short(high)} {unit}"
        low, high = low / _THOUSAND, high / _THOUSAND
    return f"{_short(low)} to {_short(high)} {units[-1]}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1 or number == 0 else f"{number:.1g}"
