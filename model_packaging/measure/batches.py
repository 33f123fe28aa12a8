"""Measures how much a model's answers depend on the other rows of a request.

An exact model answers a row the same alone and among others. A dynamically quantized model does
not quite: its activations share one scale in each request. Neither does a graph that computes
across rows, or a tokenizer that pads to the longest text. Anyone who combines rows of several
callers in one request must know the difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import REFUSALS, Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import SEED, Samples
from lading.model_packaging.check.stage import Checked, one_of_each
from lading.model_packaging.conversion import ConvertedModel
from lading.model_packaging.errors import ConversionError

SIZES = (2, 8, 32)
ROWS, FEW_ROWS = 64, 16
_NEAR = 8
"""Usual rows in a request with one unusual row."""
_LARGE = 16 << 20
"""Size of a model, in bytes, from which fewer rows are measured."""
_MOST_UNUSUAL = 64
_SCORES = 2
"""The smallest number of scores in a row that can be compared."""
_DIGITS = 3
_ROUNDING = 1e-5
"""Relative differences that come from sums in another order."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The differences between answers among other rows and answers to the same rows alone.

    Args:
        difference: the largest difference of two numbers.
        relative: the largest difference, relative to the largest number in the row's own answer.
        flips: answers with another label or another largest score; each row counts once for each
            request that contains it.
    """

    difference: float = 0.0
    relative: float = 0.0
    flips: int = 0

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json; rounding counts as 0, so that each run writes the same."""
        real = self.relative > _ROUNDING
        return {
            "largest_difference": _rounded(self.difference) if real else 0.0,
            "largest_relative_difference": _rounded(self.relative) if real else 0.0,
            "label_flips": self.flips,
        }


@dataclass(frozen=True, slots=True)
class Dependence:
    """The result of measuring `rows` rows in requests of these `sizes`.

    `usual` is for requests of similar rows, `unusual` for requests of eight such rows and one of
    another kind that the model was checked on, such as large numbers.
    """

    rows: int
    sizes: tuple[int, ...]
    usual: Apart
    unusual: Apart

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json."""
        measured = {"rows": self.rows, "sizes": list(self.sizes)}
        return {**measured, **self.usual.to_json(), "beside_unusual_rows": self.unusual.to_json()}

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        flips = f", {self.usual.flips} labels differ" if self.usual.flips else ""
        return (
            f"in requests of {sizes} rows, answers differ from those to each row alone by up to "
            f"{self.usual.difference:.3g}{flips}; next to unusual rows, by up to "
            f"{self.unusual.difference:.3g}"
        )


class Inseparable(Exception):
    """Answers cannot be separated by row, or change their shape; the text has the output."""


def measure_dependence(
    model: Model, samples: Samples, unusual: Iterable[Request], count: int = ROWS
) -> Dependence:
    """Measure how much a model's answers depend on the batch.

    Args:
        model: the model as it is served.
        samples: usual rows; a request may have any number of them.
        unusual: requests with rows of other kinds, as callers send them.
        count: how many usual rows to measure.

    Raises:
        Inseparable: the answers cannot be compared row by row.
    """
    sizes, count = _sizes(samples), min(samples.rows, count)
    rows = {name: array[:count] if array.ndim else array for name, array in samples.inputs.items()}
    alone = [model(_taken(rows, [row])) for row in range(count)]
    usual = _among_others(model, rows, alone, sizes)
    return Dependence(count, sizes, usual, _beside(model, rows, alone, unusual))


def batch_stage(
    name: str, served: ConvertedModel, size: int, checked: Checked
) -> tuple[Dependence | None, str]:
    """Run the stage `batches`: return its result, if any, and a line about it.

    Args:
        name: the model's name, for errors.
        served: the model to publish.
        size: its size in bytes; for a large model, fewer rows are measured.
        checked: the rows to measure.

    Raises:
        ConversionError: it does not answer requests of all sizes.
    """
    samples, count = checked.sent, FEW_ROWS if size > _LARGE else ROWS
    if samples.batch != 0 or not _sizes(samples):
        return None, "not measured: the model fixes the size of a request"
    try:
        found = measure_dependence(served.run, samples, one_of_each(checked, served), count)
    except Inseparable as error:
        return None, f"not measured: {error}"
    except REFUSALS as error:
        reason = f"cannot answer requests of {', '.join(map(str, SIZES))} rows: {error}"
        raise ConversionError(name, reason) from error
    return found, str(found)


def _sizes(samples: Samples) -> tuple[int, ...]:
    return tuple(size for size in SIZES if size <= (samples.most or size))


def _among_others(
    model: Model, rows: Request, alone: Sequence[Request], sizes: Sequence[int]
) -> Apart:
    """Compare each row in a request of each size, in a seeded order."""
    generator, apart = np.random.default_rng(SEED), Apart()
    for size in sizes:
        order = generator.permutation(len(alone))
        for start in range(0, len(alone), size):
            places = np.resize(np.roll(order, -start), size)
            apart = _worse(apart, model(_taken(rows, places)), alone, places)
    return apart


def _beside(
    model: Model, rows: Request, alone: Sequence[Request], unusual: Iterable[Request]
) -> Apart:
    """Compare the first rows, followed by one unusual row at a time."""
    apart, places = Apart(), np.resize(np.arange(len(alone)), _NEAR)
    first = _taken(rows, places)
    singles = (row for request in unusual if _joins(first, request) for row in _singles(request))
    for row in islice(singles, _MOST_UNUSUAL):
        request = {
            name: np.concatenate([array, row[name]]) if array.ndim else array
            for name, array in first.items()
        }
        try:
            answer = model(request)
        except REFUSALS:
            continue
        apart = _worse(apart, answer, alone, places)
    return apart


def _joins(first: Request, other: Request) -> bool:
    """Return whether the rows of both fit into one request."""
    return all(
        name in other
        and (other[name].dtype, other[name].shape[1:]) == (array.dtype, array.shape[1:])
        for name, array in first.items()
    )


def _singles(request: Request) -> Iterator[Request]:
    count = min((len(array) for array in request.values() if array.ndim), default=0)
    yield from (_taken(request, [row]) for row in range(count))


def _taken(rows: Request, places: Sequence[int] | Array) -> Request:
    return {name: array[places] if array.ndim else array for name, array in rows.items()}


def _worse(
    apart: Apart, answer: Request, alone: Sequence[Request], places: Sequence[int] | Array
) -> Apart:
    """Return the larger differences of `apart` and this answer."""
    difference, relative, flips = apart.difference, apart.relative, apart.flips
    for at, place in enumerate(places):
        for want, have in _pairs(alone[place], answer, at):
            if want.dtype.kind != "f":
                flips += int(np.any(want != have))
                continue
            far = _distance(want, have)
            size = float(np.abs(want).max(initial=0.0, where=np.isfinite(want)))
            difference = max(difference, far)
            relative = max(relative, far / size if size else 0.0)
            flips += int(_is_another(want, have, size))
    return Apart(difference, relative, flips)


def _is_another(want: Array, have: Array, size: float) -> bool:
    """Return whether another score is the largest, by more than rounding."""
    if want.ndim != 1 or want.size < _SCORES or np.isnan(have).any():
        return False
    return bool(have[want.argmax()] < have.max() - _ROUNDING * size)


def _pairs(alone: Request, answer: Request, at: int) -> Iterator[tuple[Array, Array]]:
    for output, array in alone.items():
        among = answer[output]
        if not array.ndim or len(array) != 1 or at >= len(among):
            raise Inseparable(f"'{output}' does not have one row for each row of the request")
        if array.shape[1:] != among.shape[1:]:
            raise Inseparable(f"the shape of '{output}' depends on the other rows")
        yield array[0, ...], among[at, ...]


def _distance(want: Array, have: Array) -> float:
    both = np.isfinite(want) & np.isfinite(have)
    apart = np.abs(have.astype(np.float64) - want.astype(np.float64))
    return float(apart.max(initial=0.0, where=both))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
