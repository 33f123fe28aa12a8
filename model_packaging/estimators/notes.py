"""What estimators know of the values in the columns of a graph's inputs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import TreeArrays

LARGEST = 1e30
"""Values beyond are not tried: trees split what is missing from the rest at infinity."""


@dataclass(slots=True)
class Note:
    """What is known of one column; see `probes.Column`."""

    thresholds: set[float] = field(default_factory=set)
    categories: list[Any] = field(default_factory=list)
    typical: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    missing: Any = ""
    """What the empty text stands for, where that is not an empty text."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The column of an input that a column comes from: `value * scale + shift` is what it held.

    `fill` is what took the place of missing texts, where an imputer did.
    """

    input: str
    column: int
    scale: float = 1.0
    shift: float = 0.0
    fill: Any = None

    def before(self, values: Array) -> list[float]:
        """What the input held where the column holds these values."""
        held = np.atleast_1d(values).astype(np.float64) * self.scale + self.shift
        return [float(value) for value in held]


class Notes:
    """Notes of columns, by input and place."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int], Note] = {}
        self.forests: list[tuple[tuple[Origin | None, ...], list[TreeArrays], Any]] = []
        """Origins of the columns that trees take, the trees, and the dtype they compare in."""

    def origins_of(self, input_name: str, column: int) -> list[Origin]:
        """How the columns of trees come from a column of an input."""
        found = [
            origin
            for origins, _, _ in self.forests
            for origin in origins
            if origin is not None and (origin.input, origin.column) == (input_name, column)
        ]
        return list(dict.fromkeys(found))

    def of(self, input_name: str, column: int) -> Note:
        """The note of a column, empty when nothing was noted."""
        return self._notes.setdefault((input_name, column), Note())

    def thresholds(self, origin: Origin | None, values: Array) -> None:
        """Note values at which an estimator decides."""
        if origin is not None:
            found = values[np.abs(values) < LARGEST]
            self.of(origin.input, origin.column).thresholds.update(origin.before(found))

    def typical(self, origins: Iterable[Origin | None], rows: Array) -> None:
        """Note rows of the size that training had, of shape [rows, columns]."""
        for origin, values in zip(origins, np.atleast_2d(rows).T, strict=False):
            if origin is not None:
                held = self.of(origin.input, origin.column).typical
                held.extend(origin.before(values[np.isfinite(values)]))

    def categories(self, origin: Origin | None, values: Iterable[Any]) -> None:
        """Note values that an encoder knows."""
        if origin is not None:
            held = self.of(origin.input, origin.column).categories
            held.extend(value for value in values if value not in held)
