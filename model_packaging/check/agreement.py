"""Compares the answers of a served model with those of its original.

The original is called once for each probe and its answers are kept. The converted model, and every
model of an optimizer that must not change answers, is compared with them.

No row may differ: `closeness` says how near answers must be. Only a label may differ where the
original is undecided, because two values of its answer are equal within the usual tolerance. The
served model must refuse what the original refuses.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.closeness import USUAL, Closeness, undecided_rows
from lading.model_packaging.check.probes import Probe, Request
from lading.model_packaging.errors import ConversionMismatch, RoundingMismatch
from lading.model_packaging.library_errors import LibraryFailed, first_line, library_errors

Model = Callable[[Request], Request]
"""Calls a model with an array per input, and returns an array per output, both by name."""

MOST_ROWS = 4096
MOST_SECONDS = 20.0

REFUSALS = (ValueError, SessionError, InferenceError)
"""The errors that a model raises for rows that it refuses."""


@dataclass(frozen=True, slots=True)
class AnsweredProbe:
    """A probe with the original's answer, or with the reason why it refused."""

    probe: Probe
    answer: Request | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The original's answers; `cut` has the kinds of omitted rows, and how many there are."""

    answered: tuple[AnsweredProbe, ...]
    cut: Mapping[str, int] = field(default_factory=dict)

    def rows(self) -> dict[str, int]:
        """Return how many rows of each kind the original answered or refused."""
        counts: dict[str, int] = {}
        for each in self.answered:
            counts[each.probe.kind] = counts.get(each.probe.kind, 0) + each.probe.rows
        return counts


def gather(
    original: Model,
    probes: Iterable[Probe],
    most_rows: int = MOST_ROWS,
    most_seconds: float = MOST_SECONDS,
) -> Evidence:
    """Call the original on probes, in turn one of each kind, within bounds.

    Args:
        original: raises ValueError for rows that it refuses.
        probes: the most important ones first.
        most_rows: the limit of rows.
        most_seconds: the limit of time; no call starts after it.
    """
    answered: list[AnsweredProbe] = []
    cut: dict[str, int] = {}
    rows, seconds = 0, 0.0
    for probe in _in_turn(probes):
        if rows + probe.rows > most_rows or seconds > most_seconds:
            cut[probe.kind] = cut.get(probe.kind, 0) + probe.rows
            continue
        start = monotonic()
        answered.append(AnsweredProbe(probe, *call(original, probe.inputs)))
        seconds += monotonic() - start
        rows += probe.rows
    return Evidence(tuple(answered), cut)


def _in_turn(probes: Iterable[Probe]) -> list[Probe]:
    """Return the first probe of each kind, then the second of each, and so on."""
    seen: dict[str, int] = {}
    numbered = []
    for probe in probes:
        number = seen[probe.kind] = seen.get(probe.kind, -1) + 1
        numbered.append((number, probe))
    return [probe for _, probe in sorted(numbered, key=lambda each: each[0])]


def compare(
    name: str,
    evidence: Evidence,
    served: Model,
    narrow: Callable[[Request], Request] = dict,
    closeness: Closeness = USUAL,
) -> int:
    """Compare a served model with the original's answers, and count the rows that agree.

    Args:
        name: the model's name, for errors.
        evidence: the original's answers.
        served: accepts rows in the original's types, and raises one of `REFUSALS` for rows that it
            refuses.
        narrow: rounds rows to the types that callers send, to explain why answers differ.
        closeness: how near answers must be.

    Raises:
        ConversionMismatch: the first kind of rows for which answers differ, and how.
    """
    rows = 0
    for each in evidence.answered:
        found, refusal = call(served, each.probe.inputs)
        if each.answer is None:
            if found is not None and each.probe.binding:
                raise _answers_anyway(name, each, found)
            continue
        if found is None:
            if not each.probe.may_refuse and (each.probe.binding or _has_value(each.answer)):
                raise _no_answer(name, each, refusal)
            continue
        _compare_answers(name, each, found, narrow, closeness)
        rows += each.probe.rows
    return rows


def agrees(original: Model, served: Model, inputs: Request, closeness: Closeness = USUAL) -> bool:
    """Return whether both models give the same answer to rows, or both refuse them."""
    try:
        with library_errors(), np.errstate(all="ignore"):  # rows may hold NaN and infinities
            compare("", gather(original, [Probe("rows", inputs)]), served, closeness=closeness)
    except LibraryFailed:  # an error that only one of them raises
        return False
    return True


def call(model: Model, inputs: Request) -> tuple[Request | None, str]:
    """Return a model's answer to rows, or None and why it refuses them."""
    try:
        return model(dict(inputs)), ""
    except REFUSALS as error:
        return None, first_line(error)


def _has_value(answer: Mapping[str, Array]) -> bool:
    """Return whether an answer holds a value; the mean over an axis without elements is NaN."""
    return any(
        array.size and not (array.dtype.kind == "f" and np.isnan(array).all())
        for array in answer.values()
    )


def _no_answer(name: str, each: AnsweredProbe, refusal: str) -> ConversionMismatch:
    reason = f"cannot be computed for {each.probe.kind}: {refusal}{_advice(each.probe)}"
    return ConversionMismatch(name, next(iter(each.answer or {}), ""), reason)


def _advice(probe: Probe) -> str:
    return f"; {probe.advice}" if probe.advice else ""


def _answers_anyway(
    name: str, each: AnsweredProbe, found: Mapping[str, Array]
) -> ConversionMismatch:
    reason = f"answers {each.probe.kind}, which the original refuses: {each.refusal}"
    return ConversionMismatch(name, next(iter(found), ""), reason)


def _compare_answers(
    name: str,
    each: AnsweredProbe,
    found: Request,
    narrow: Callable[[Request], Request],
    closeness: Closeness,
) -> None:
    wanted = each.answer or {}
    for output in {**wanted, **found}:
        if output not in found or output not in wanted:
            side = "converted" if output not in found else "original"
            raise ConversionMismatch(name, output, f"is not in the {side} model")
        _check_form(name, output, each, found[output])
    undecided = undecided_rows(wanted)
    for output, original in wanted.items():
        wrong = closeness.wrong_rows(output, original, found[output])
        if original.dtype.kind != "f" and len(undecided) == len(wrong):
            wrong &= ~undecided
        if wrong.any():
            difference = _difference(each.probe, original, found[output], wrong)
            columns = _rounded_columns(each.probe.inputs, narrow, int(wrong.argmax()))
            if columns:
                raise RoundingMismatch(name, output, difference, columns)
            raise ConversionMismatch(name, output, difference)


def _check_form(name: str, output: str, each: AnsweredProbe, converted: Array) -> None:
    original = (each.answer or {})[output]
    for what in ("dtype", "shape"):
        want, have = getattr(original, what), getattr(converted, what)
        if want != have:
            kind = f"for {each.probe.kind}{_advice(each.probe)}"
            reason = f"has {what} {have}, the original {want}, {kind}"
            raise ConversionMismatch(name, output, reason)


def _difference(probe: Probe, original: Array, converted: Array, wrong: Array) -> str:
    """Describe how many rows differ, and the first of them."""
    row = int(wrong.argmax())
    want, have = (_shown(array[row] if array.ndim else array) for array in (original, converted))
    return (
        f"differs in {int(wrong.sum())} of {len(wrong)} rows of kind '{probe.kind}': "
        f"{have} in row {row}, the original gives {want}{_advice(probe)}"
    )


def _shown(value: Array) -> str:
    text = np.array2string(np.asarray(value), precision=5, threshold=6, edgeitems=3)
    return " ".join(text.split())[:120]


def _rounded_columns(
    inputs: Request, narrow: Callable[[Request], Request], row: int
) -> Sequence[str]:
    """Return inputs and columns whose values in this row are rounded when callers send them."""
    sent = narrow(dict(inputs))
    names: list[str] = []
    for name, array in inputs.items():
        if array.dtype.kind not in "fiu" or array.dtype == sent[name].dtype or not array.ndim:
            continue
        changed = np.atleast_1d(sent[name][row].astype(array.dtype) != array[row])
        changed &= ~np.atleast_1d(np.isnan(array[row])) if array.dtype.kind == "f" else True
        places = np.flatnonzero(changed.reshape(-1))
        alone = changed.size == 1
        names += [name if alone else f"{name}, column {place}" for place in places]
    return names
