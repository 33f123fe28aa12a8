"""A converter's knowledge of a model's inputs, and the rows that test a conversion.

A conversion is compared with its original on rows that reach every decision of the model: its
splits and the numbers one step beside them, its categories, missing values, sizes of free axes.
`probing.py` makes such rows from `Known`; a converter may add others as `Probe`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

Request = dict[str, Array]
"""An array per input, by name."""


@dataclass(frozen=True, slots=True)
class Column:
    """A converter's knowledge of the values of one column.

    Args:
        thresholds: values at which the model decides, such as splits and edges of bins.
        categories: every category of training, as bytes or numbers.
        typical: values like those of training, such as mean, minimum and maximum.
        missing: whether training allowed missing values: NaN, or the empty text.
    """

    thresholds: tuple[float, ...] = ()
    categories: tuple[Any, ...] = ()
    typical: tuple[float, ...] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A converter's knowledge of one input.

    Args:
        dtype: the original's type, if it is wider than the graph's: rows have this type, and reach
            the original unrounded.
        columns: one for each column of the last axis, or a single one for the whole input.
        highest: the input holds ids from 0 to this.
        texts: texts to send; some that are difficult for any model are added.
    """

    dtype: "np.dtype[Any] | None" = None
    columns: tuple[Column, ...] = ()
    highest: int | None = None
    texts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Rows of one kind, which a model must answer as its original does, or refuse as it does.

    Args:
        kind: what they test, for reports and errors: "at a split".
        inputs: an array per input, in the original's types.
        may_refuse: whether the served model may refuse what the original answers, such as empty
            sequences.
        binding: whether the served model must refuse what the original refuses. Sizes that are not
            part of the signature need not be refused.
        advice: what to do if the served model cannot answer.
    """

    kind: str
    inputs: Request
    may_refuse: bool = False
    binding: bool = True
    advice: str = ""

    @property
    def rows(self) -> int:
        """The size of the first axis; 1 if there is none."""
        return next((len(array) for array in self.inputs.values() if array.ndim), 1)


Knowledge = Mapping[str, Known]
"""What is known about the inputs, by name."""
