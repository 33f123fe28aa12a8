"""Notes of estimators about the values in the columns of a graph's inputs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trees import TreeArrays

LARGEST = 1e30
"""The largest value that is tried: trees split missing values from others at infinity."""


@dataclass(slots=True)
class Note:
    """Notes about one column; see `probes.Column`."""

    thresholds: set[float] = field(default_factory=set)
    categories: list[Any] = field(default_factory=list)
    typical: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    missing: Any = ""
    """The value that the empty text stands for, if it is not itself a category."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a column: the column of an input, which held `value * scale + shift`.

    `fill` is the value by which an imputer replaced missing texts.
    """

    input: str
    column: int
    scale: float = 1.0
    shift: float = 0.0
    fill: Any = None

    def before(self, values: Array) -> list[float]:
        """Return the values of the input for these values of the column."""
        held = np.atleast_1d(values).astype(np.float64) * self.scale + self.shift
        return [float(value) for value in held]


class Notes:
    """Notes of columns, by input and place."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int], Note] = {}
        self.forests: list[tuple[tuple[Origin | None, ...], list[TreeArrays], Any]] = []
        """The origins of the columns of trees, the trees, and the type in which they compare."""

    def origins_of(self, input_name: str, column: int) -> list[Origin]:
        """Return the origins of trees' columns that come from a column of an input."""
        found = [
            origin
            for origins, _, _ in self.forests
            for origin in origins
            if origin is not None and (origin.input, origin.column) == (input_name, column)
        ]
        return list(dict.fromkeys(found))

    def of(self, input_name: str, column: int) -> Note:
        """Return the note about a column, which may be empty."""
        return self._notes.setdefault((input_name, column), Note())

    def thresholds(self, origin: Origin | None, values: Array) -> None:
        """Note the thresholds of an estimator."""
        if origin is not None:
            found = values[np.abs(values) < LARGEST]
            self.of(origin.input, origin.column).thresholds.update(origin.before(found))

    def typical(self, origins: Iterable[Origin | None], rows: Array) -> None:
        """Note rows with values like those of training, of shape [rows, columns]."""
        for origin, values in zip(origins, np.atleast_2d(rows).T, strict=False):
            if origin is not None:
                held = self.of(origin.input, origin.column).typical
                held.extend(origin.before(values[np.isfinite(values)]))

    def categories(self, origin: Origin | None, values: Iterable[Any]) -> None:
        """Note the categories of an encoder."""
        if origin is not None:
            held = self.of(origin.input, origin.column).categories
            held.extend(value for value in values if value not in held)
