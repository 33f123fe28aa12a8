"""Rows of numbers and texts as features: each column of each input is one, or a group of columns.

A column is a place in the last axes of an input, flattened; an input of shape [rows] has one.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of

_GROUPED: Final = None
"""In place of the value of a column whose group's value stands at an earlier column."""


class Columns:
    """The features of a model's rows.

    Args:
        names: of the features, in the order of their first columns.
        places: for each input, the feature of each of its columns.
    """

    def __init__(self, names: Sequence[str], places: Mapping[str, Array]) -> None:
        self.names, self.places = names, places

    def rows(
        self, x: Mapping[str, Array], background: Mapping[str, Array], masks: Array, at: Array
    ) -> dict[str, Array]:
        """Return rows whose masked features come from `x`, and the others from the background.

        Args:
            x: the explained row of each input, [1, ...].
            background: rows of each input.
            masks: bool [rows, features].
            at: the background row for each row.
        """
        made = {}
        for name, places in self.places.items():
            other, mine = _flat(background[name])[at], _flat(x[name])
            mixed = np.where(masks[:, places], mine, other)
            shape = (len(at), *x[name].shape[1:])
            made[name] = as_datatype(mixed.reshape(shape), datatype_of(x[name]))
        return made

    def varying(self, x: Mapping[str, Array], background: Mapping[str, Array]) -> Array:
        """Return the features in which some background row differs from `x`, int [features]."""
        differ = np.zeros(len(self.names), np.bool_)
        for name, places in self.places.items():
            other, mine = _flat(background[name]), _flat(x[name])
            same = (other == mine) | ((other != other) & (mine != mine))  # noqa: PLR0124 NaN
            np.logical_or.at(differ, places, ~same.all(axis=0))
        return np.flatnonzero(differ)

    def shaped(self, values: Array, x: Mapping[str, Array]) -> dict[str, Any]:
        """Return values of features as nested lists in the shape of a row of each input."""
        shaped: dict[str, Any] = {}
        seen: set[int] = set()
        for name, places in self.places.items():
            flat = np.empty(len(places), np.object_)
            for column, feature in enumerate(places.tolist()):
                flat[column] = _GROUPED if feature in seen else float(values[feature])
                seen.add(feature)
            shaped[name] = flat.reshape(x[name].shape[1:]).tolist()
        return shaped


def columns_of(metadata: ModelMetadata, recorded: Recorded) -> Columns:
    """Return the features of a model, as its artifact names them."""
    widths = {name: prod(array.shape[1:]) for name, array in recorded.background.items()}
    groups = dict(recorded.features)
    of_column = {column: name for name, columns in groups.items() for column in columns}
    numbers: dict[str, int] = {}
    places: dict[str, Array] = {}
    for spec in metadata.inputs:
        width = widths[spec.name]
        plain = [spec.name] if width == 1 else [f"{spec.name}[{at}]" for at in range(width)]
        called = [of_column.get(column, name) for column, name in enumerate(plain)]
        found = [numbers.setdefault(name, len(numbers)) for name in called]
        places[spec.name] = np.array(found, np.int64)
    return Columns(tuple(numbers), places)


class Mixing(NamedTuple):
    """One row to explain, beside a background."""

    columns: Columns
    x: Mapping[str, Array]
    background: Mapping[str, Array]
    varying: Array

    def rows(self, masks: Array, at: Array) -> dict[str, Array]:
        """Return rows for masks of the varying features; see `Columns.rows`."""
        whole = np.ones((len(masks), len(self.columns.names)), np.bool_)
        whole[:, self.varying] = masks
        return self.columns.rows(self.x, self.background, whole, at)


def check_shapes(inputs: Mapping[str, Array], background: Mapping[str, Array]) -> None:
    """Check that rows have the columns of the background.

    Raises:
        InvalidInput: one has others.
    """
    for name, array in inputs.items():
        if array.shape[1:] != background[name].shape[1:]:
            reason = f"has rows of shape {list(array.shape[1:])}, but its explanations need"
            raise InvalidInput(name, f"{reason} {list(background[name].shape[1:])}")


def _flat(array: Array) -> Array:
    return np.asarray(array).reshape(len(array), -1)
