"""Rows to run a model on: held-out ones from an .npz file, or made up from its signature."""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from functions.inference.artifact import TensorSpec
from functions.inference.errors import InvalidInput
from functions.inference.session import SessionError
from functions.inference.tensors import DTYPES, Array, check_signature
from model_packaging.conversion import Model, as_bytes
from model_packaging.errors import DataUnusable

Request = dict[str, Array]
"""An array per input, by name."""

TRUTH = "y"
SINGLE_INPUT = "X"
"""What the only input of a model may be called in an .npz file, whatever its own name."""

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
        origin: where the rows come from, for errors.
        inputs: an array per input; the first axis counts rows, unless `batch` is None.
        rows: how many there are.
        batch: the rows that one request must have; 0 is any number, None says that the inputs
            share no such axis and make one request as they are.
        truth: the right answer of each row, from held-out data.
    """

    model: str
    origin: str
    inputs: Request
    rows: int
    batch: int | None
    truth: Array | None = None

    def requests(self, rows: int) -> Iterator[Request]:
        """The rows as requests of this many, or of the number that the model insists on."""
        if self.batch is None:
            yield self.inputs
            return
        size = self.batch or rows
        for start in range(0, self.rows, size):
            yield {
                name: array[start : start + size] if array.ndim else array
                for name, array in self.inputs.items()
            }

    def guarded(self, model: Model, what: str) -> Model:
        """`model`, which raises DataUnusable when it cannot answer these rows."""

        def answer(inputs: Request) -> Request:
            try:
                return model(inputs)
            except (ValueError, SessionError) as error:
                reason = str(error).partition("\n")[0]
                raise DataUnusable(
                    self.model, self.origin, f"cannot be answered by the {what} model: {reason}"
                ) from error

        return answer


def make_up(model: str, specs: Sequence[TensorSpec]) -> Samples:
    """Rows made up from a signature, the same at each call.

    Floats are normally distributed, integers 0 or 1, texts "a"; a free axis other than the first
    has size 8.
    """
    batch = _batch(specs)
    rows = (batch or 1) * _REQUESTS if batch != 0 else _affordable_rows(specs)
    generator = np.random.default_rng(SEED)
    inputs = {
        spec.name: made_up(generator, spec.datatype, _sizes(spec, rows, batch)) for spec in specs
    }
    return Samples(model, "made-up rows (accuracy.data gives real ones)", inputs, rows, batch)


def given(model: str, inputs: Request, specs: Sequence[TensorSpec]) -> Samples:
    """Rows that came with the model."""
    counts = [len(array) for array in inputs.values() if array.ndim]
    return Samples(model, "its examples", inputs, min(counts, default=1), _batch(specs))


def read_holdout(model: str, path: Path, specs: Sequence[TensorSpec]) -> Samples:
    """Held-out rows from an .npz file: an array per input, by name, and `y`.

    Nothing is unpickled. Numbers are converted to the input's dtype where that is harmless.

    Raises:
        DataUnusable: damaged, empty, lacks an array, or one does not fit the signature.
    """
    return _read(model, path, specs, truth=True)


def read_rows(model: str, path: Path, specs: Sequence[TensorSpec]) -> Samples:
    """Rows from a file as of `read_holdout`, whose `y` is not needed.

    Raises:
        DataUnusable: as `read_holdout`.
    """
    return _read(model, path, specs, truth=False)


def _read(model: str, path: Path, specs: Sequence[TensorSpec], *, truth: bool) -> Samples:
    arrays = load_arrays(model, path)
    if len(specs) == 1 and specs[0].name not in arrays and SINGLE_INPUT in arrays:
        arrays[specs[0].name] = arrays[SINGLE_INPUT]
    wanted = [spec.name for spec in specs] + [TRUTH] * truth
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise DataUnusable(model, str(path), f"has no array '{missing[0]}'; it needs {wanted}")
    try:
        inputs = {spec.name: _converted(arrays[spec.name], spec) for spec in specs}
        check_signature(inputs, [_any_rows(spec) for spec in specs])
    except InvalidInput as error:
        raise DataUnusable(model, str(path), f"does not fit the model: {error}") from error
    samples = Samples(model, str(path), inputs, 0, _batch(specs))
    return _counted(samples, path, arrays[TRUTH] if truth else None)


def _counted(samples: Samples, path: Path, truth: Array | None) -> Samples:
    counts = {name: len(array) for name, array in samples.inputs.items() if array.ndim}
    if truth is not None:
        counts = {TRUTH: len(truth) if truth.ndim else 0, **counts}
    first, rows = next(iter(counts.items()), (TRUTH, 0))
    if not rows:
        raise DataUnusable(samples.model, str(path), "holds no rows")
    for name, count in counts.items():
        if count != rows:
            reason = f"has {count} rows in '{name}' and {rows} in '{first}'"
            raise DataUnusable(samples.model, str(path), reason)
    if truth is not None and truth.dtype.kind == "f" and not np.isfinite(truth).all():
        raise DataUnusable(samples.model, str(path), "has NaN or infinity in 'y'")
    if samples.batch is None or rows % (samples.batch or 1):
        reason = f"has {rows} rows, the model takes batches of {samples.batch or 'its own'}"
        raise DataUnusable(samples.model, str(path), reason)
    return replace(samples, rows=rows, truth=truth)


def load_arrays(model: str, path: Path) -> Request:
    """The arrays of an .npz file, in its order; nothing is unpickled.

    Raises:
        DataUnusable: it is damaged, or holds other than plain arrays.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            return {name: archive[name] for name in archive.files}
    except (
        OSError,
        ValueError,
        EOFError,
        AttributeError,
        TypeError,
        BadZipFile,
        zlib.error,
    ) as error:
        raise DataUnusable(model, str(path), f"is no .npz file of plain arrays: {error}") from error


def _converted(array: Array, spec: TensorSpec) -> Array:
    dtype = DTYPES[spec.datatype]
    if spec.datatype == "BYTES" and array.dtype.kind == "U":
        return as_bytes(array)
    if dtype.kind in "fiu" and np.can_cast(array.dtype, dtype, "same_kind"):
        return array.astype(dtype)
    if array.dtype != dtype:
        raise InvalidInput(spec.name, f"must be {spec.datatype}, not {array.dtype}")
    return array


def _batch(specs: Sequence[TensorSpec]) -> int | None:
    """See `Samples.batch`."""
    first = {spec.shape[0] for spec in specs if spec.shape}
    if not first:
        return None
    fixed = first - {-1}
    return None if len(fixed) > 1 else next(iter(fixed), 0)


def _any_rows(spec: TensorSpec) -> TensorSpec:
    return replace(spec, shape=(-1, *spec.shape[1:])) if spec.shape else spec


def _affordable_rows(specs: Sequence[TensorSpec]) -> int:
    elements = sum(math.prod(_sizes(spec, 1, 0)) for spec in specs)
    return max(4, min(_ROWS, _MAX_ELEMENTS // max(1, elements)))


def _sizes(spec: TensorSpec, rows: int, batch: int | None) -> tuple[int, ...]:
    sizes = [_ANY_SIZE if size == -1 else size for size in spec.shape]
    if sizes and batch is not None:
        sizes[0] = rows
    return tuple(sizes)


def made_up(generator: np.random.Generator, datatype: str, sizes: tuple[int, ...]) -> Array:
    """An array of this datatype and shape; see `make_up`."""
    dtype = DTYPES[datatype]
    if dtype.kind == "f":
        return np.asarray(generator.standard_normal(sizes)).astype(dtype)
    if datatype == "BYTES":
        return np.full(sizes, b"a", np.object_)
    return np.asarray(generator.integers(0, 2, sizes)).astype(dtype)
