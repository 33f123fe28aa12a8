"""Rows to run a model on: from a file (`holdout.py`), or generated from its signature."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.tensors.conversion import DTYPES, Array, as_datatype
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.errors import DataUnusable, Place
from lading.model_packaging.library_errors import first_line

SEED = 20_011
_ROWS = 64
_REQUESTS = 16
_ANY_SIZE = 8
_MAX_ELEMENTS = 1 << 22


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows that fit a model's signature.

    Args:
        model: the model's name.
        origin: the source of the rows, for errors.
        inputs: an array per input; the first axis counts rows, unless `batch` is None.
        rows: how many there are.
        batch: the rows that one request must have; 0 is any number, None says that the inputs have
            no common first axis and are one request.
        truth: the true answer of each row, from held-out data.
        place: the manifest's key for their file.
        most: the limit of rows in one request, if the model has no fixed batch.
    """

    model: str
    origin: str
    inputs: Request
    rows: int
    batch: int | None
    truth: Array | None = None
    place: Place | None = None
    most: int | None = None

    def requests(self, rows: int) -> Iterator[Request]:
        """Yield the rows as requests of this many, or of the model's fixed batch."""
        if self.batch is None:
            yield self.inputs
            return
        size = self.batch or min(rows, self.most or rows)
        for start in range(0, self.rows, size):
            yield {
                name: array[start : start + size] if array.ndim else array
                for name, array in self.inputs.items()
            }

    def guarded(self, model: Model, what: str) -> Model:
        """Return `model`, which then raises DataUnusable when it cannot answer these rows."""

        def answer(inputs: Request) -> Request:
            try:
                return model(inputs)
            except (ValueError, SessionError) as error:
                refused = f"cannot be answered by the {what} model: {first_line(error)}"
                raise DataUnusable(self.model, self.origin, refused, self.place) from error

        return answer


def make_up(model: str, specs: Sequence[TensorSpec]) -> Samples:
    """Return rows generated from a signature, the same at each call.

    Floats are normally distributed, integers 0 or 1, texts "a"; a free axis other than the first
    has size 8.
    """
    batch = batch_of(specs)
    rows = (batch or 1) * _REQUESTS if batch != 0 else _affordable_rows(specs)
    generator = np.random.default_rng(SEED)
    inputs = {
        spec.name: made_up(generator, spec.datatype, _sizes(spec, rows, batch)) for spec in specs
    }
    return Samples(model, "generated rows (give real ones as accuracy.data)", inputs, rows, batch)


def given(model: str, inputs: Request, specs: Sequence[TensorSpec]) -> Samples:
    """Return rows that came with the model."""
    counts = [len(array) for array in inputs.values() if array.ndim]
    return Samples(model, "its examples", inputs, min(counts, default=1), batch_of(specs))


def batch_of(specs: Sequence[TensorSpec]) -> int | None:
    """Return the batch of a model with these inputs; see `Samples`.

    There is none if one input has a fixed first axis and another a free one: a recurrent model's
    state is [layers, batch, size].
    """
    first = {spec.shape[0] for spec in specs if spec.shape}
    if len(first) != 1:
        return None
    (size,) = first
    return max(size, 0)


def free_axes(specs: Sequence[TensorSpec]) -> dict[str, tuple[int, ...]]:
    """Return the free axes of each input, except the one that counts rows."""
    return {
        spec.name: tuple(axis for axis, size in enumerate(spec.shape) if axis and size == -1)
        for spec in specs
    }


def resized(array: Array, axes: Sequence[int], size: int) -> Array:
    """Return the array with this size along these axes, its elements repeated."""
    for axis in axes:
        have = array.shape[axis]
        if not have:
            return array
        array = np.take(array, np.arange(size) % have, axis)
    return array


def _affordable_rows(specs: Sequence[TensorSpec]) -> int:
    elements = sum(math.prod(_sizes(spec, 1, 0)) for spec in specs)
    return max(4, min(_ROWS, _MAX_ELEMENTS // max(1, elements)))


def _sizes(spec: TensorSpec, rows: int, batch: int | None) -> tuple[int, ...]:
    sizes = [_ANY_SIZE if size == -1 else size for size in spec.shape]
    if sizes and batch is not None:
        sizes[0] = rows
    return tuple(sizes)


def made_up(generator: np.random.Generator, datatype: str, sizes: tuple[int, ...]) -> Array:
    """Return an array of this datatype and shape; see `make_up`."""
    dtype = DTYPES[datatype]
    if dtype.kind == "f":
        return as_datatype(np.asarray(generator.standard_normal(sizes)).astype(dtype), datatype)
    if datatype == "BYTES":
        return np.full(sizes, b"a", np.object_)
    return np.asarray(generator.integers(0, 2, sizes)).astype(dtype)
