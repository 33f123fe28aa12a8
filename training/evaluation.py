"""Compares two versions on the same rows: metrics with paired intervals, slices, and the decision.

The metrics and the bootstrap are those of the accuracy gate (`model_packaging.measure`). The
champion takes the place of the original, the challenger that of the optimized model: `drop` is how
much worse the challenger is, and negative if it is better.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isnan
from pathlib import Path

import numpy as np

from lading.functions.inference.artifact.specification import Artifact
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.entries import AccuracySpec, EvaluateSpec, Metric
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import BATCH, FEWEST
from lading.model_packaging.measure.bootstrap import paired_intervals
from lading.model_packaging.measure.change import Intervals
from lading.model_packaging.measure.holdout import read_holdout
from lading.model_packaging.measure.metrics import METRICS, Incomparable, Weighted
from lading.model_packaging.tables.registry import read_table
from lading.model_packaging.tables.table import Cells, Column
from lading.training.errors import TrainingError
from lading.training.quality import Calibration, Confusion, calibration_of, confusion_of

_MOST_SLICES = 20
_RULE_OF_THREE = 3
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Contender:
    """One version, and its answers to all rows by output."""

    version: int
    answers: Mapping[str, Array]
    truth: Array | None


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of both versions; None where it is undefined, no intervals for too few rows."""

    metric: str
    before: float | None
    after: float | None
    drop: float | None
    rows: int
    intervals: Intervals | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The metrics on the rows with one value in one column."""

    column: str
    value: str
    rows: int
    compared: tuple[ComparedMetric, ...]


@dataclass(frozen=True, slots=True)
class LabelProposal:
    """The proposed label of the challenger, and why; None proposes none."""

    label: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The comparison of two versions of a model; confusion and calibration are of both."""

    model: str
    champion: int
    challenger: int
    data: str
    compared: tuple[ComparedMetric, ...]
    slices: tuple[Slice, ...]
    confusion: tuple[Confusion, Confusion] | None
    calibration: tuple[Calibration, Calibration] | None
    decision: LabelProposal
    max_drop: float


def settings_of(spec: ModelSpec) -> tuple[AccuracySpec, EvaluateSpec]:
    """Return how to compare a model's versions; by default by the metric of the gate.

    Raises:
        TrainingError: the manifest has no accuracy section.
    """
    if spec.accuracy is None:
        reason = "is missing; it names the rows, the metric and max_drop of a comparison"
        raise TrainingError(spec.place("accuracy"), reason)
    evaluate = spec.evaluate or EvaluateSpec()
    if not evaluate.metrics:
        evaluate = EvaluateSpec((spec.accuracy.metric,), evaluate.slices, evaluate.promote)
    return spec.accuracy, evaluate


def evaluate(
    spec: ModelSpec, champion: Artifact, challenger: Artifact, numbers: tuple[int, int]
) -> Evaluation:
    """Compare two versions on the rows of `accuracy.data`.

    Args:
        spec: the model.
        champion: the version that serves.
        challenger: the version that may replace it.
        numbers: the numbers of both.

    Raises:
        TrainingError: the manifest does not say how.
        DataUnusable: the rows do not fit, or a metric cannot be computed on them.
    """
    accuracy, wanted = settings_of(spec)
    both = [
        _answered(spec, each, at) for each, at in zip((champion, challenger), numbers, strict=True)
    ]
    judge = _Judge(spec, accuracy, *both)
    compared = tuple(judge.compare(metric) for metric in wanted.metrics)
    return Evaluation(
        model=spec.name,
        champion=numbers[0],
        challenger=numbers[1],
        data=str(accuracy.data),
        compared=compared,
        slices=tuple(_slices(judge, wanted, accuracy.data)),
        confusion=judge.labels(),
        calibration=judge.calibration(),
        decision=decide(compared[0], wanted.promote, accuracy.max_drop),
        max_drop=accuracy.max_drop,
    )


def decide(compared: ComparedMetric, promote: str, max_drop: float) -> LabelProposal:
    """Return the label to propose.

    Args:
        compared: the first metric of the comparison.
        promote: the manifest's rule: never, not_worse or better.
        max_drop: the largest accepted loss.
    """
    if promote == "never":
        return LabelProposal(None, "evaluate.promote is never")
    name, intervals = compared.metric, compared.intervals
    if intervals is None:
        few = f"{compared.rows} rows are too few for an interval; hold out at least {FEWEST}"
        return LabelProposal("candidate", few)
    needed = _rows_needed(name, max_drop)
    drop = intervals.drop
    shown = f"with 95 % confidence, {name} drops by {drop}"
    if promote == "better":
        won = drop.high < 0
        return LabelProposal(
            "stable" if won else "candidate",
            f"{shown}, which {'is an improvement' if won else 'does not exclude zero'}",
        )
    if compared.rows < needed:
        few = f"{compared.rows} rows are too few to show a loss of at most {max_drop:g}"
        return LabelProposal("candidate", f"{few}; hold out at least {needed}")
    kept = drop.high <= max_drop
    return LabelProposal(
        "stable" if kept else "candidate",
        f"{shown}, which {'excludes' if kept else 'does not exclude'} a loss above {max_drop:g}",
    )


def _rows_needed(metric: str, max_drop: float) -> int:
    """Return the rows that can show it, as the gate counts them."""
    if not METRICS[metric].counted or not max_drop:
        return FEWEST
    return max(FEWEST, ceil(round(_RULE_OF_THREE / max_drop, _DECIMALS)))


def _answered(spec: ModelSpec, artifact: Artifact, number: int) -> Contender:
    """Return a version with its answers to all rows."""
    if name := artifact.engine_name():
        reason = f"is served by {name}, which does not run here; compare versions of Lambda models"
        raise TrainingError(spec.place("target"), f"version {number} {reason}")
    predictor = open_here(artifact, number)
    rows = _rows(spec, artifact)
    model = rows.guarded(predictor.predict, f"version-{number}")
    parts = [model(request) for request in rows.requests(BATCH)]
    answers = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Contender(number, answers, rows.truth)


def _rows(spec: ModelSpec, artifact: Artifact) -> Samples:
    """Return the rows, with their truth if one of the metrics needs it."""
    accuracy, wanted = settings_of(spec)
    needing = next((each for each in wanted.metrics if not METRICS[each].relative), accuracy.metric)
    asked = replace(spec, accuracy=replace(accuracy, metric=needing))
    return read_holdout(asked, artifact.inputs)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Measures both versions."""

    spec: ModelSpec
    accuracy: AccuracySpec
    champion: Contender
    challenger: Contender

    def compare(self, metric: Metric, mask: Array | None = None) -> ComparedMetric:
        """Measure one metric of both, on all rows or on those of a mask."""
        before, after = self._weighted(metric)
        rows = self.rows
        if mask is not None:
            before, after = _within(before, mask), _within(after, mask)
            rows = int(mask.sum())
        was, now = (weighted(np.ones(rows)) for weighted in (before, after))
        sign = 1 if METRICS[metric].ascending else -1
        if isnan(was) or isnan(now):
            before_, after_ = (None if isnan(each) else each for each in (was, now))
            return ComparedMetric(metric, before_, after_, None, rows, None)
        measured = paired_intervals(before, after, rows, sign) if rows >= FEWEST else None
        drop = round(sign * (was - now), _DECIMALS)
        return ComparedMetric(metric, was, now, drop, rows, measured)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.champion.answers.values())))

    def labels(self) -> tuple[Confusion, Confusion] | None:
        """Return both confusion matrices; None if the model does not answer labels."""
        first, second = (
            confusion_of(each.truth, self._output(each, False)) for each in self._both()
        )
        return (first, second) if first and second else None

    def calibration(self) -> tuple[Calibration, Calibration] | None:
        """Return how well both know what they know; None without probabilities."""
        first, second = (
            calibration_of(each.truth, self._output(each, True)) for each in self._both()
        )
        return (first, second) if first and second else None

    def _both(self) -> tuple[Contender, Contender]:
        return self.champion, self.challenger

    def _weighted(self, metric: Metric) -> tuple[Weighted, Weighted]:
        kind, reference = METRICS[metric], self._output(self.champion, METRICS[metric].scored)
        measured = []
        for each in self._both():
            truth = reference if kind.relative else each.truth
            if truth is None:
                raise self._unusable("evaluate.metrics", metric, "needs rows with their truth in y")
            if kind.classes and (truth == truth[:1]).all():
                raise self._unusable(
                    "accuracy.data", str(self.accuracy.data), "has rows of only one class in 'y'"
                )
            try:
                measured.append(kind.of(truth, self._output(each, kind.scored), self.accuracy.k))
            except Incomparable as error:
                raise self._unusable("evaluate.metrics", metric, str(error)) from error
        return measured[0], measured[1]

    def _output(self, contender: Contender, scored: bool) -> Array:
        """Return the output that the manifest names, or else the first one of the right kind."""
        answers = contender.answers
        name = self.accuracy.output or next(iter(answers))
        if scored and not self.accuracy.output:
            name = next((key for key, each in answers.items() if each.dtype.kind == "f"), name)
        if name not in answers:
            reason = f"is not an output of version {contender.version}"
            raise self._unusable("accuracy.output", f"'{name}'", reason)
        return answers[name]

    def _unusable(self, key: str, what: str, reason: str) -> DataUnusable:
        return DataUnusable(self.spec.name, what, reason, self.spec.place(key))


def _within(weighted: Weighted, mask: Array) -> Weighted:
    """Return a metric on the rows of a mask, as a function of their weights."""

    def masked(weights: Array) -> float:
        spread = np.zeros(len(mask))
        spread[mask] = weights
        return weighted(spread)

    return masked


def _slices(judge: _Judge, wanted: EvaluateSpec, data: Path) -> Iterator[Slice]:
    """Yield the metrics by the values of each column, the most frequent values first."""
    columns = read_table(data) if wanted.slices else {}
    for column in wanted.slices:
        place = judge.spec.place("evaluate.slices")
        if column not in columns:
            known = ", ".join(columns)
            reason = f"has no column '{column}'; it has {known}"
            raise DataUnusable(judge.spec.name, str(data), reason, place)
        values = _texts(columns[column])
        for value, rows in Counter(values.tolist()).most_common(_MOST_SLICES):
            mask = values == value
            compared = tuple(judge.compare(metric, mask) for metric in wanted.metrics)
            yield Slice(column, str(value), rows, compared)


def _texts(column: Column) -> Array:
    values: Sequence[object] = column.texts if isinstance(column, Cells) else list(column)
    return np.array([each.decode() if isinstance(each, bytes) else str(each) for each in values])
