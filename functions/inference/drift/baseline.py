"""The baseline of a version, `baseline.json`: the bins of its inputs and outputs.

    {"version": 1, "rows": 360, "features": [
      {"tensor": "pixels", "side": "inputs", "view": "columns",
       "edges": [[0.0, 1.0, 17.0], ...], "expected": [[0, 200, 160, 0, 0], ...]},
      {"tensor": "label", "side": "outputs", "view": "values",
       "values": [0, 1, 2], "expected": [[120, 121, 119, 0, 0]]}]}

`expected` are the counts of the baseline's own rows, in the slots of `bins.py`. Packaging writes it
from held-out rows and the answers of the model that is published; the digest in `artifact.json`
covers it, and so does a signature.
"""

import json
import operator
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from lading.functions.inference.drift.bins import MISSING_SLOTS, NumberBins, ValueBins
from lading.functions.inference.drift.views import VIEWS
from lading.functions.inference.tensors.conversion import Array

FORMAT: Final = 1
MAX_BYTES: Final = 256 << 10
VALUES: Final = "values"
"""The view of a tensor that has few different values."""

_DIGITS: Final = 16


class Feature(NamedTuple):
    """One view of one tensor, with its bins.

    Args:
        tensor: the name of an input or output.
        side: `inputs` or `outputs`.
        view: a key of `VIEWS`, or `values`.
        bins: what it is counted in.
        expected: the counts of the baseline, for each column.
    """

    tensor: str
    side: str
    view: str
    bins: NumberBins | ValueBins
    expected: Sequence[Sequence[int]]

    def add(self, arrays: Sequence[Array]) -> None:
        """Count the rows of these arrays."""
        for array in arrays:
            if not len(array):
                continue
            if isinstance(self.bins, NumberBins):
                self.bins.count(VIEWS[self.view](array))
            else:
                self.bins.count(array)

    def names(self) -> list[str]:
        """Return the name of each column, for people."""
        name = self.tensor if self.view in ("columns", VALUES) else f"{self.view} of {self.tensor}"
        width = len(self.expected)
        return [name] if width == 1 else [f"{name}[{column}]" for column in range(width)]


class Baseline(NamedTuple):
    """The features of a version; `digest` names the file, `rows` were counted for it."""

    digest: str
    rows: int
    features: tuple[Feature, ...]


def read_baseline(content: bytes) -> Baseline:
    """Read a `baseline.json`, whose digest has been verified.

    Raises:
        ValueError: it has another form, or is too large.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"a baseline of {len(content)} bytes exceeds the limit of {MAX_BYTES}")
    try:
        document = json.loads(content)
        if document["version"] != FORMAT:
            raise ValueError(f"a baseline of form {document['version']!r} is not known here")
        features = tuple(map(_feature, document["features"]))
        return Baseline(sha256(content).hexdigest()[:_DIGITS], int(document["rows"]), features)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"a baseline cannot be read: {error!r}") from error


def _feature(entry: Mapping[str, Any]) -> Feature:
    view, expected = str(entry["view"]), entry["expected"]
    if view != VALUES and view not in VIEWS:
        raise ValueError(f"a baseline has a view {view!r} that is not known here")
    columns = [entry["values"]] if view == VALUES else entry["edges"]
    if [_width(each) - MISSING_SLOTS for each in expected] != [*map(len, columns)]:
        raise ValueError(f"a baseline has other counts of {view!r} than bins")
    bins = ValueBins(entry["values"]) if view == VALUES else NumberBins(_numbers(columns))
    return Feature(str(entry["tensor"]), str(entry["side"]), view, bins, expected)


def _width(counts: Sequence[int]) -> int:
    """Return how many counts there are.

    Raises:
        TypeError: one is not a whole number.
    """
    return len([operator.index(count) for count in counts])


def _numbers(columns: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the edges of each column.

    Raises:
        TypeError: one is not a number.
    """
    return [[float(edge + 0) for edge in column] for column in columns]
