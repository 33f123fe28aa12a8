"""What optimizing did to a model's accuracy, and the gate's refusals."""

from dataclasses import asdict, dataclass
from typing import Any

from lading.model_packaging.errors import PackagingError


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure lies with 95 % confidence."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.4f} to {self.high:.4f}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a metric before and after optimizing, and of its drop."""

    before: Interval
    after: Interval
    drop: Interval


@dataclass(frozen=True, slots=True)
class Missing:
    """The metric on the held-out rows with missing values; None where it is not defined."""

    rows: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """What optimizing did to a model: its metric on the held-out rows, before and after.

    `drop` is how much worse it became, whichever way the metric points; negative is better. What
    was published before there were intervals has none. It was not `judged` where nothing that may
    lose accuracy was done. `missing` is of the rows with missing values, if there are some.
    """

    metric: str
    before: float
    after: float
    drop: float
    max_drop: float
    rows: int = 0
    intervals: Intervals | None = None
    judged: bool = True
    missing: Missing | None = None

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json, without what goes without saying."""
        document = asdict(self)
        if self.judged:
            del document["judged"]
        if self.missing is None:
            del document["missing"]
        return document

    def __str__(self) -> str:
        moved = f"{self.metric} went from {self.before:.4f} to {self.after:.4f}"
        between = f" ({self.intervals.drop})" if self.intervals else ""
        return f"{moved}, a drop of {self.drop:.4f}{between}"


class AccuracyDropped(PackagingError):
    """The accuracy gate refuses the optimized model; nothing is published."""

    _over = "over"

    def __init__(self, model: str, change: AccuracyChange, advice: str = "") -> None:
        super().__init__(
            f"model '{model}' is not published: {change}, {self._over} the "
            f"{change.max_drop:g} that models.{model}.accuracy.max_drop allows; "
            + (advice or f"optimize less (models.{model}.quantize, .prune), or allow more")
        )
        self.model, self.metric = model, change.metric
        self.before, self.after = change.before, change.after
        self.drop, self.max_drop = change.drop, change.max_drop


class AccuracyUncertain(AccuracyDropped):
    """Too few rows to tell that the optimized model lost no more than is allowed.

    `needed` is how many are needed to say anything at all; 0 when there are that many.
    """

    _over = "perhaps over"

    def __init__(self, model: str, change: AccuracyChange, needed: int = 0) -> None:
        more = f"at least {needed}" if needed else "more"
        few = f"{change.rows} rows are too few to tell that it is not; hold out {more}"
        super().__init__(model, change, f"{few}, or allow more")
        self.rows, self.needed = change.rows, needed
