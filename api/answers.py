"""The answer of a model, for people and programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from itertools import islice
from typing import Any, Final

import numpy as np

from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array

Classes = Mapping[str, Sequence[str]]
"""The class of each column of an output, by the output's name."""

_SHOWN: Final = 10
"""Rows that a notebook shows."""


@dataclass(frozen=True, eq=False)
class Answer(Mapping[str, Array]):
    """The outputs of one request, by name; texts are `str`, not bytes.

    Args:
        model: the model's name.
        version: the version that answered.
        outputs: an array for each output.
        classes: the names of the columns of scores, where they are known.
    """

    model: str
    version: int
    outputs: Mapping[str, Array]
    classes: Classes = field(default_factory=dict)

    @classmethod
    def of(
        cls, metadata: ModelMetadata, outputs: Mapping[str, Array], classes: Classes
    ) -> "Answer":
        """Return the answer of a model with this signature."""
        texts = {name: _as_texts(array) for name, array in outputs.items()}
        return cls(metadata.name, metadata.version, texts, classes)

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)

    def columns(self) -> dict[str, list[Any]]:
        """Return a column for each output; scores of named classes have one for each class."""
        columns: dict[str, Array] = {}
        for name, array in self.outputs.items():
            known = self.classes.get(name, ())
            if known and array.shape[1:] == (len(known),):
                columns |= {f"{name}: {each}": array[:, at] for at, each in enumerate(known)}
            else:
                columns[name] = array if array.ndim else array.reshape(1)
        return {name: array.tolist() for name, array in columns.items()}

    def to_frame(self) -> Any:
        """Return a data frame of pandas with these columns.

        Raises:
            ModuleNotFoundError: pandas is not installed.
            ValueError: the outputs have different numbers of rows.
        """
        return import_module("pandas").DataFrame(self.columns())

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        columns = self.columns()
        heads = "".join(f"<th>{escape(name)}</th>" for name in columns)
        most = max((len(values) for values in columns.values()), default=0)
        rows = [
            "".join(f"<td>{escape(_brief(values, row))}</td>" for values in columns.values())
            for row in islice(range(most), _SHOWN)
        ]
        more = f"<p>and {most - _SHOWN:,} more rows</p>" if most > _SHOWN else ""
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        title = f"{escape(self.model)} version {self.version}"
        return f"<table><caption>{title}</caption><tr>{heads}</tr>{body}</table>{more}"


def _as_texts(array: Array) -> Array:
    """Return an array of BYTES as one of str, if all are UTF-8."""
    if array.dtype.kind != "O":
        return array
    try:
        texts = [each.decode() if isinstance(each, bytes) else each for each in array.flat]
    except UnicodeDecodeError:
        return array
    made = np.empty(len(texts), np.object_)
    made[:] = texts
    return made.reshape(array.shape)


def _brief(values: Sequence[Any], row: int) -> str:
    if row >= len(values):
        return ""
    value = values[row]
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 a cell
