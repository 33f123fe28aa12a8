"""Runs an optimized model on all rows on which the conversion was compared.

It may differ a little from the model that it was made from; the accuracy gate decides how much. But
it must answer, with the same outputs of the same dtypes and shapes, and with numbers where there
were numbers. And each output must stay near what it was, because a gate measures only one output,
perhaps only which of its values is largest: on usual rows, an output may differ by at most half of
the spread of its answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import REFUSALS, Model, call
from lading.model_packaging.check.closeness import ABSOLUTE_TOLERANCE
from lading.model_packaging.check.probes import Probe, Request
from lading.model_packaging.check.probing import BASE, SINGLES
from lading.model_packaging.errors import ConversionError

FAR = 0.5
"""The largest difference of an output, as a share of its spread or of its labels."""

_CONSTANT = 1e-6
"""The spread of answers that do not vary, as a share of their mean square."""

_BEYOND = 100
"""Rows so many times larger than usual ones may overflow in float16."""


class Unfit(Exception):
    """An optimized model cannot replace the one that it was made from; the text says why."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of running an optimized model.

    Args:
        differences: the difference of each output on usual rows: its root mean square divided by
            the spread of the answers, 0 within the tolerance of conversions; for labels, the share
            of changed ones.
        overflows: kinds of rows far larger than usual ones for which it returns no numbers.
    """

    differences: Mapping[str, float]
    overflows: tuple[str, ...]


class Loaded(Protocol):
    """A model that can be run."""

    def run(self, inputs: Request) -> Request:
        """Answer rows; raise one of `agreement.REFUSALS` for rows that it refuses."""


Load = Callable[[bytes], Loaded]
"""Loads a serialized model as it is served."""


class TrialRows:
    """The rows to run models on.

    Args:
        load: loads a model of the conversion as it is served.
        probes: the rows.
    """

    def __init__(self, load: Load, probes: Sequence[Probe]) -> None:
        self._load, self._probes = load, probes
        self._sizes = _sizes(probes)

    def of(self, model: bytes) -> "UnoptimizedAnswers":
        """Return the answers of a model that will be optimized."""
        run = self._load(model).run
        answered = [(probe, call(run, probe.inputs)[0]) for probe in self._probes]
        return UnoptimizedAnswers(self._load, self._sizes, answered)


class UnoptimizedAnswers:
    """The answers of a model before it is optimized; see `TrialRows.of`."""

    def __init__(
        self,
        load: Load,
        sizes: Mapping[str, float],
        answered: Sequence[tuple[Probe, Request | None]],
    ) -> None:
        self._load, self._sizes = load, sizes
        self._answered = [(probe, answer) for probe, answer in answered if answer is not None]

    def compare(self, model: bytes, *, far: float = FAR) -> Tried:
        """Run an optimized model.

        Args:
            model: made from the model of these answers.
            far: the largest difference of each output; see `FAR`.

        Raises:
            Unfit: it does not answer as it must.
        """
        run = _loaded(self._load, model)
        differences: dict[str, _Difference] = {}
        overflows: dict[str, None] = {}
        for probe, before in self._answered:
            after = _again(run, probe)
            if self._overflows(probe, before, after):
                overflows[probe.kind] = None
            for output in before if probe.kind in (BASE, SINGLES) else ():
                added = differences.setdefault(output, _Difference())
                added.add(before[output], after[output])
        found = {output: each.share() for output, each in differences.items()}
        _require_near(found, far)
        return Tried(found, tuple(overflows))

    def _overflows(self, probe: Probe, before: Request, after: Request) -> bool:
        """Return whether numbers became NaN or infinity on rows far larger than usual ones.

        Raises:
            Unfit: they did on other rows.
        """
        lost = list(_lost(probe.kind, before, after))
        if lost and not self._is_beyond(probe):
            reason = f"answers NaN or infinity in '{lost[0]}' for {probe.kind}"
            raise Unfit(f"{reason}, where there were numbers")
        return bool(lost)

    def _is_beyond(self, probe: Probe) -> bool:
        return any(
            size > _BEYOND * self._sizes.get(name, 0.0) for name, size in _sizes([probe]).items()
        )


def _loaded(load: Load, model: bytes) -> Model:
    try:
        return load(model).run
    except (ConversionError, *REFUSALS) as error:
        raise Unfit(f"cannot be loaded: {error}") from error


def _again(run: Model, probe: Probe) -> Request:
    answer, refusal = call(run, probe.inputs)
    if answer is None:
        raise Unfit(f"cannot answer {probe.kind}: {refusal}")
    return answer


def _lost(kind: str, before: Request, after: Request) -> Iterator[str]:
    """Yield the outputs that have NaN or infinity where there was a number.

    Raises:
        Unfit: an output has another name, dtype or shape.
    """
    for output in {**before, **after}:
        if output not in after or output not in before:
            raise Unfit(f"returns other outputs for {kind}: {', '.join(after)}")
        want, have = before[output], after[output]
        if (want.dtype, want.shape) != (have.dtype, have.shape):
            shown = f"{have.dtype} of shape {list(have.shape)}"
            reason = f"answers {shown} in '{output}' for {kind}"
            raise Unfit(f"{reason}, not {want.dtype} of shape {list(want.shape)}")
        if want.dtype.kind == "f" and (np.isfinite(want) & ~np.isfinite(have)).any():
            yield output


def _sizes(probes: Sequence[Probe]) -> dict[str, float]:
    """Return the largest number in each input of floats: of usual rows, or of the one probe."""
    usual = [each for each in probes if each.kind in (BASE, SINGLES)] or probes
    sizes: dict[str, float] = {}
    for probe in usual:
        for name, array in probe.inputs.items():
            if array.dtype.kind == "f":
                size = np.abs(array).max(initial=0.0, where=np.isfinite(array))
                sizes[name] = max(sizes.get(name, 0.0), float(size))
    return sizes


def _require_near(differences: Mapping[str, float], far: float) -> None:
    for output, difference in differences.items():
        if difference > far:
            raise Unfit(
                f"answers too differently in '{output}': by {difference:.2g} of the spread of its "
                f"answers, {far:g} is allowed"
            )


class _Difference:
    """The difference between the answers of one output, over several requests."""

    def __init__(self) -> None:
        self._count, self._other, self._labels = 0, 0, False
        self._sum, self._squares, self._apart = 0.0, 0.0, 0.0

    def add(self, before: Array, after: Array) -> None:
        self._labels = before.dtype.kind != "f"
        if self._labels:
            self._count += before.size
            self._other += int((before != after).sum())
            return
        both = np.isfinite(before) & np.isfinite(after)
        want, have = before[both].astype(np.float64), after[both].astype(np.float64)
        self._count += want.size
        self._sum += float(want.sum())
        self._squares += float(np.square(want).sum())
        self._apart += float(np.square(have - want).sum())

    def share(self) -> float:
        """Return the share of the answers' spread, or of the labels; see `Tried`."""
        if self._labels:
            return self._other / max(1, self._count)
        apart = np.sqrt(self._apart / max(1, self._count))
        if apart <= ABSOLUTE_TOLERANCE:
            return 0.0
        size, mean = self._squares / self._count, self._sum / self._count
        spread = max(size - mean * mean, _CONSTANT * size)
        return float(apart / np.sqrt(spread)) if spread else float("inf")
