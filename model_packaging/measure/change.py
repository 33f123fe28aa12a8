"""The change of a model's accuracy by optimizing, and the gate's refusals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.measure.by_class import ByClass


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """The 95 % confidence interval of a figure."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:z.4f} to {self.high:z.4f}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a metric before and after optimizing, and of its drop."""

    before: ConfidenceInterval
    after: ConfidenceInterval
    drop: ConfidenceInterval


@dataclass(frozen=True, slots=True)
class Missing:
    """The metric on the held-out rows with missing values; None where it is undefined."""

    rows: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """The metric on the held-out rows, before and after optimizing a model.

    `drop` is how much worse it became, whether a higher or a lower metric is better; it is negative
    if the metric improved. `judged` is False if no stage could lose accuracy. `missing` covers the
    rows with missing values, if there are any. `by_class` has the figures of each class, if the
    metric is of classes; they are for report.json alone.
    """

    metric: str
    before: float
    after: float
    drop: float
    max_drop: float
    rows: int
    intervals: Intervals
    judged: bool = True
    missing: Missing | None = None
    by_class: ByClass | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json, without values that equal their defaults."""
        document = asdict(replace(self, by_class=None))
        del document["by_class"]
        if self.judged:
            del document["judged"]
        if self.missing is None:
            del document["missing"]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "AccuracyChange":
        """Read what `to_json` wrote; artifact.json adds the digest of the data.

        Raises:
            KeyError, TypeError, AttributeError: the document has another form.
        """
        figures = {key: value for key, value in document.items() if key != "data"}
        intervals = {key: ConfidenceInterval(**ends) for key, ends in document["intervals"].items()}
        figures["intervals"] = Intervals(**intervals)
        if "missing" in document:
            figures["missing"] = Missing(**document["missing"])
        return cls(**figures)

    def __str__(self) -> str:
        moved = f"{self.metric} went from {self.before:z.4f} to {self.after:z.4f}"
        return f"{moved}, a drop of {self.drop:z.4f} ({self.intervals.drop})"


class AccuracyDropped(PackagingError):
    """The accuracy gate rejects the optimized model; nothing is published.

    Remedy: optimize less (`quantize`, `prune`), or raise `accuracy.max_drop`.
    """

    _over = "over"

    def __init__(self, model: str, change: AccuracyChange, advice: str = "") -> None:
        super().__init__(
            f"model '{model}' is not published: {change}, {self._over} the "
            f"{change.max_drop:g} that models.{model}.accuracy.max_drop allows; "
            + (advice or f"optimize less (models.{model}.quantize, .prune), or raise max_drop")
        )
        self.model, self.metric, self.change = model, change.metric, change
        self.before, self.after = change.before, change.after
        self.drop, self.max_drop = change.drop, change.max_drop


class AccuracyUncertain(AccuracyDropped):
    """Too few rows to show that the optimized model lost no more than is allowed.

    `needed` is the smallest number of rows that can show it; 0 when there are that many.

    Remedy: hold out more rows, or raise `accuracy.max_drop`.
    """

    _over = "perhaps over"

    def __init__(self, model: str, change: AccuracyChange, needed: int = 0) -> None:
        more = f"at least {needed}" if needed else "more"
        few = f"{change.rows} rows are too few to show that it is not; hold out {more}"
        super().__init__(model, change, f"{few}, or raise max_drop")
        self.rows, self.needed = change.rows, needed
