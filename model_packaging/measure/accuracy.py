"""The accuracy gate: it measures what the model to publish lost against the original.

A model passes if the upper end of the drop's interval (`bootstrap.py`, 95 %) is at most `max_drop`.
A point estimate is not enough, and neither is an interval from too few rows:

- at least `FEWEST` rows are needed;
- a metric that counts rows as right or wrong needs 3 / max_drop rows: if none of n rows became
  wrong, up to 3 / n of all other rows may still have (the rule of three, at 95 %).

With `max_drop: 0`, only these rows are judged: none may become worse. If no stage could lose
accuracy, the model is measured but not judged.

Rows with missing values count like all others, and are also measured by themselves.

The metric uses the output that the manifest names, or else the first one; `roc_auc` and `top_k` use
the first one with floats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, isnan
from types import MappingProxyType

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.answers import digest
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.bootstrap import paired_intervals
from lading.model_packaging.measure.by_class import by_class
from lading.model_packaging.measure.change import (
    AccuracyChange,
    AccuracyDropped,
    AccuracyUncertain,
    Missing,
)
from lading.model_packaging.measure.metrics import METRICS, Incomparable, Weighted

BATCH = 64
"""Rows in one request of the gate; with dynamic quantization, answers depend on it a little."""

FEWEST = 30
"""The smallest number of rows for a meaningful bootstrap."""

_RULE_OF_THREE = 3
_DECIMALS = 9
_UNNAMED: Mapping[str, Sequence[str]] = MappingProxyType({})


class Gate:
    """The gate of one model; it runs the original once.

    Args:
        spec: the model's entry in the manifest, which has an accuracy.
        holdout: the held-out rows, with their truth if the metric needs it.
        original: the original model.
        classes: the names of the classes, by the outputs that have a column for each.

    Raises:
        DataUnusable: the metric cannot be computed on these rows.
    """

    def __init__(
        self,
        spec: ModelSpec,
        holdout: Samples,
        original: Model,
        classes: Mapping[str, Sequence[str]] = _UNNAMED,
    ) -> None:
        if spec.accuracy is None:
            raise ValueError(f"model '{spec.name}' has no accuracy section")
        self._model, self._spec, self._holdout = spec, spec.accuracy, holdout
        self._metric = METRICS[spec.accuracy.metric]
        output, answer = self._answers(original, "original")
        self._truth = answer if self._metric.relative else np.asarray(holdout.truth)
        self._check_classes()
        self._original, self._classes = answer, classes.get(output, ())
        self._before = self._weighted(answer)
        self._measured: dict[bytes, AccuracyChange] = {}

    def judge(self, model: Model) -> AccuracyChange:
        """Measure the model to publish, and decide whether it passes.

        Raises:
            AccuracyDropped: it lost more than `max_drop`, or may have.
            DataUnusable: the metric cannot be computed on its answers.
        """
        change = self.measure(model)
        if change.drop > change.max_drop:
            raise AccuracyDropped(self._model.name, change)
        needed = self._rows_needed()
        if change.rows < needed:
            raise AccuracyUncertain(self._model.name, change, needed)
        if change.intervals.drop.high > change.max_drop:
            raise AccuracyUncertain(self._model.name, change)
        return change

    def measure(self, model: Model) -> AccuracyChange:
        """Return the metric of the original and of this model, with intervals, without a decision.

        Raises:
            DataUnusable: the metric cannot be computed on its answers.
        """
        _, answer = self._answers(model, "optimized")
        key = digest({"": answer})
        if key not in self._measured:  # a candidate is judged before it becomes the final model
            self._measured[key] = self._compared(answer)
        return self._measured[key]

    def _compared(self, answer: Array) -> AccuracyChange:
        """Return the change from the original's answers to these."""
        metric, rows = self._metric, self._holdout.rows
        after = self._weighted(answer)
        was, now = (weighted(np.ones(rows)) for weighted in (self._before, after))
        if metric.counted and was == now == 0:
            raise self._refusal(
                "has no row that either model answers correctly; check that 'y' has its classes"
            )
        sign = 1 if metric.ascending else -1
        return AccuracyChange(
            metric=self._spec.metric,
            before=was,
            after=now,
            drop=round(sign * (was - now), _DECIMALS),
            max_drop=self._spec.max_drop,
            rows=rows,
            intervals=paired_intervals(self._before, after, rows, sign),
            missing=self._missing(after),
            by_class=by_class(metric, self._truth, (self._original, answer), self._classes),
        )

    def on_rows(self, model: Model, inputs: Request) -> Weighted:
        """Return the metric of a model's answers to other rows, held against the same truth.

        Args:
            model: the model.
            inputs: as many rows as the held-out ones.

        Raises:
            DataUnusable: the metric cannot be computed on the answers.
        """
        rows = replace(self._holdout, inputs=inputs)
        _, answer = self._answers(model, "optimized", rows)
        return self._weighted(answer)

    @property
    def rising(self) -> bool:
        """Whether a higher metric is better."""
        return self._metric.ascending

    def report(self, model: Model) -> AccuracyChange:
        """Return the figures of a model that no stage could make less accurate.

        Raises:
            DataUnusable: the metric cannot be computed on its answers.
        """
        return replace(self.measure(model), judged=False)

    def _missing(self, after: Weighted) -> Missing | None:
        """Return the metric on the rows with missing values; None if there are none."""
        some = _with_missing(self._holdout)
        if not some.any():
            return None
        was, now = (weighted(some.astype(np.float64)) for weighted in (self._before, after))
        return Missing(int(some.sum()), *(None if isnan(each) else each for each in (was, now)))

    def _rows_needed(self) -> int:
        allowed = self._spec.max_drop
        if not self._metric.counted or not allowed:
            return FEWEST
        return max(FEWEST, ceil(round(_RULE_OF_THREE / allowed, _DECIMALS)))

    def _answers(self, model: Model, what: str, rows: Samples | None = None) -> tuple[str, Array]:
        """Return the measured output: its name, and the answers to all rows in it."""
        guarded = self._holdout.guarded(model, what)
        requests = (rows or self._holdout).requests(BATCH)
        outputs, answers = zip(
            *(self._output(guarded(request)) for request in requests), strict=True
        )
        return outputs[0], np.concatenate(answers)

    def _output(self, answer: dict[str, Array]) -> tuple[str, Array]:
        name = self._spec.output or next(iter(answer))
        if self._metric.scored and not self._spec.output:
            name = next((key for key, array in answer.items() if array.dtype.kind == "f"), name)
        if name not in answer:
            reason = f"is not an output of the model, which has {', '.join(answer)}"
            raise self._misnamed("output", f"'{name}'", reason)
        array = answer[name]
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise self._refusal(f"makes the model answer NaN in '{name}'; check the rows for NaN")
        return name, array

    def _weighted(self, answer: Array) -> Weighted:
        try:
            return self._metric.of(self._truth, answer, self._spec.k)
        except Incomparable as error:
            raise self._misnamed("metric", self._spec.metric, str(error)) from error

    def _check_classes(self) -> None:
        truth = self._truth
        if self._metric.classes and (truth == truth[:1]).all():
            raise self._refusal("has only one class in 'y'; the gate needs rows of at least two")

    def _misnamed(self, key: str, value: str, reason: str) -> DataUnusable:
        return DataUnusable(self._model.name, value, reason, self._model.place(f"accuracy.{key}"))

    def _refusal(self, reason: str) -> DataUnusable:
        holdout = self._holdout
        return DataUnusable(holdout.model, holdout.origin, reason, holdout.place)


def gate_stage(
    gate: Gate | None, model: Model, *, lossy: bool
) -> tuple[AccuracyChange | None, str]:
    """Run the stage `gate`: return its figures, and a line about them.

    Args:
        gate: None if the manifest has no accuracy section.
        model: the model to publish.
        lossy: whether a stage changed it that may lose accuracy.

    Raises:
        AccuracyDropped: the model lost more than `max_drop`, or may have.
    """
    if gate is None:
        return None, "not measured: the manifest has no accuracy section"
    if not lossy:
        change = gate.report(model)
        return change, f"{change}, not judged: no stage could lose accuracy"
    change = gate.judge(model)
    return change, f"{change}, {change.max_drop:g} allowed"


def _with_missing(rows: Samples) -> Array:
    """Return whether each row has NaN or an empty text, as booleans of shape [rows]."""
    some = np.zeros(rows.rows, np.bool_)
    for array in rows.inputs.values():
        if array.ndim and array.dtype.kind in "fO":
            lacks = np.isnan(array) if array.dtype.kind == "f" else array == b""
            some |= np.asarray(lacks).reshape(rows.rows, -1).any(axis=1)
    return some
