"""The stage `check`: makes rows for a conversion and compares it with the original on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of
from lading.model_packaging.check.agreement import Evidence, compare, gather
from lading.model_packaging.check.closeness import USUAL, Closeness, closeness_of
from lading.model_packaging.check.graph_knowledge import with_ids
from lading.model_packaging.check.probes import Knowledge, Probe, Request
from lading.model_packaging.check.probing import (
    BASE,
    SINGLES,
    Base,
    make_probes,
    plausible,
    widened,
)
from lading.model_packaging.check.samples import Samples, given, make_up
from lading.model_packaging.conversion import Conversion, ConvertedModel, open_served
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.holdout import read_holdout

_GOLDEN_ROWS = 32
"""Rows in one golden request of many kinds."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check, for the later stages.

    Args:
        original: base rows in the original's types.
        sent: the same rows in the types that callers send.
        evidence: the original's answers to all probes.
        closeness: how near the answers of others must be.
    """

    original: Samples
    sent: Samples
    evidence: Evidence
    closeness: Closeness = USUAL

    def to_json(self) -> dict[str, Any]:
        """Return compared rows of each kind, omitted ones and the tolerance, for report.json."""
        return {
            "rows": self.evidence.rows(),
            "left_out": dict(self.evidence.cut),
            "tolerance": self.closeness.tolerance,
        }

    def outcome(self, rows: int) -> str:
        """Return a line about the check."""
        kinds, cut = len(self.evidence.rows()), self.evidence.cut
        line = f"agrees with the original in {rows:,} rows of {kinds} kinds"
        if self.closeness.widened:
            line += f", within the wider tolerance of {self.closeness.tolerance:g}"
        if cut:
            kind, count = max(cut.items(), key=lambda each: each[1])
            more = f" and {len(cut) - 1} more kinds" if len(cut) > 1 else ""
            line += f"; not compared, over the limit: {count:,} rows of '{kind}'{more}"
        return line


def one_of_each(checked: Checked, served: ConvertedModel) -> Iterator[Request]:
    """Yield a row of each kind that the original answered, as callers send it.

    If the model accepts any number of rows, rows of the same shape share a request.
    """
    groups: dict[object, list[Request]] = {}
    for probe in _first_of_each(checked.evidence):
        request = served.narrow(probe.inputs)
        if checked.sent.batch != 0:
            yield request
            continue
        row = {name: array[:1] if array.ndim else array for name, array in request.items()}
        form = tuple((name, array.dtype.str, array.shape) for name, array in row.items())
        groups.setdefault(form, []).append(row)
    for rows in groups.values():
        for start in range(0, len(rows), _GOLDEN_ROWS):
            yield _joined(rows[start : start + _GOLDEN_ROWS])


def _first_of_each(evidence: Evidence) -> Iterator[Probe]:
    """Yield the first probe of each kind, except base rows."""
    seen = {BASE, SINGLES}
    for each in evidence.answered:
        if each.probe.kind not in seen and each.answer is not None and not each.probe.may_refuse:
            seen.add(each.probe.kind)
            yield each.probe


def _joined(rows: Sequence[Request]) -> Request:
    return {
        name: _stacked([row[name] for row in rows]) if array.ndim else array
        for name, array in rows[0].items()
    }


def _stacked(arrays: Sequence[Array]) -> Array:
    """Return arrays of one datatype, concatenated; numpy alone would lose the type BF16."""
    return as_datatype(np.concatenate(arrays), datatype_of(arrays[0]))


def check(spec: ModelSpec, conversion: Conversion) -> tuple[Checked, int]:
    """Compare a conversion with its original, and return how many rows agree.

    Raises:
        ConversionMismatch: they differ.
        DataUnusable: the original does not answer the rows that the manifest names.
    """
    served = open_served(spec.name, conversion, conversion.onnx)
    checked = _gathered(spec, conversion, served)
    closeness = checked.closeness
    return checked, compare(spec.name, checked.evidence, served.run, served.narrow, closeness)


def _gathered(spec: ModelSpec, conversion: Conversion, served: ConvertedModel) -> Checked:
    known = _known(conversion)
    original = _rows(spec, conversion, served, known)
    real = bool(spec.accuracy or conversion.examples)
    base = Base(original, served.inputs, known, real)
    evidence = gather(conversion.reference, [*make_probes(base), *conversion.probes])
    _require_base(evidence, original)
    sent = replace(original, inputs=served.narrow(original.inputs))
    outputs = [each.name for each in served.session.outputs]
    closeness = closeness_of(spec, outputs, conversion.classes)
    return Checked(original, sent, evidence, closeness)


def _known(conversion: Conversion) -> Knowledge:
    """Return what is known; without processing steps, callers also send a graph's ids."""
    if conversion.processing or conversion.native:
        return conversion.known
    return with_ids(conversion.known, conversion.onnx)


def _rows(
    spec: ModelSpec, conversion: Conversion, served: ConvertedModel, known: Mapping[str, Any]
) -> Samples:
    """Return held-out rows, else examples, else generated rows, in the original's types."""
    specs = widened(served.inputs, known)
    if spec.accuracy:
        return read_holdout(spec, specs)
    if conversion.examples:
        return given(spec.name, dict(conversion.examples), specs)
    return plausible(make_up(spec.name, specs), known)


def _require_base(evidence: Evidence, rows: Samples) -> None:
    """Require that the original answers the base rows.

    Raises:
        DataUnusable: it refuses them.
    """
    for each in evidence.answered:
        if each.probe.kind in (BASE, SINGLES) and each.answer is None:
            reason = f"cannot be answered by the original model: {each.refusal}"
            raise DataUnusable(rows.model, rows.origin, reason, rows.place)
