"""What the page shows, taken from artifact.json and report.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STAGE_KEYS = frozenset(("step", "bytes", "latency", "accuracy"))


@dataclass(frozen=True, slots=True)
class Range:
    """A figure and its interval; of early versions, the figure alone."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stage:
    """The model after one stage: bytes, milliseconds, and the metric where there is a gate."""

    name: str
    facts: str
    size: int
    p50_ms: float | None
    p95_ms: float | None
    metric: Range | None
    drop: Range | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided on; it did not judge a model that can have lost nothing.

    `missing` is of the rows with missing values: how many, and the metric before and after, None
    where it is not defined.
    """

    metric: str
    before: Range
    after: Range
    drop: Range
    max_drop: float
    rows: int
    judged: bool = True
    missing: tuple[int, float | None, float | None] | None = None


@dataclass(frozen=True, slots=True)
class Batches:
    """How far answers depend on the other rows of a request; see `measure.batches`."""

    rows: int
    sizes: tuple[int, ...]
    usual: tuple[float, float, int]
    """Largest difference, the same by the largest number of the answer, other labels."""
    unusual: tuple[float, float, int]


def stages_of(specification: Mapping[str, Any], report: Mapping[str, Any]) -> list[Stage]:
    """The stages with their figures; without any where report.json is lost, or of an early version.

    Raises:
        ValueError: the documents are not what packaging writes.
    """
    try:
        return [_stage(each) for each in report.get("stages") or specification["steps"]]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error


def verdict_of(specification: Mapping[str, Any]) -> Verdict | None:
    """What the gate decided on; None without a gate.

    Raises:
        ValueError: the document is not what packaging writes.
    """
    accuracy = specification.get("accuracy")
    if not accuracy:
        return None
    try:
        return Verdict(
            metric=str(accuracy["metric"]),
            before=_range(accuracy, "before"),
            after=_range(accuracy, "after"),
            drop=_range(accuracy, "drop"),
            max_drop=float(accuracy["max_drop"]),
            rows=int(accuracy.get("rows", 0)),
            judged=bool(accuracy.get("judged", True)),
            missing=_missing(accuracy.get("missing")),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error


def batches_of(specification: Mapping[str, Any]) -> Batches | None:
    """How far answers depend on the batch; None where it was not measured.

    Raises:
        ValueError: the document is not what packaging writes.
    """
    batch = specification.get("batch")
    if batch is None:
        return None
    try:
        sizes = tuple(map(int, batch["sizes"]))
        return Batches(
            int(batch["rows"]), sizes, _apart(batch), _apart(batch["beside_unusual_rows"])
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error


def _apart(measured: Mapping[str, Any]) -> tuple[float, float, int]:
    return (
        float(measured["largest_difference"]),
        float(measured["largest_relative_difference"]),
        int(measured["label_flips"]),
    )


def _missing(rows: Mapping[str, Any] | None) -> tuple[int, float | None, float | None] | None:
    return (int(rows["rows"]), _number(rows["before"]), _number(rows["after"])) if rows else None


def _stage(document: Mapping[str, Any]) -> Stage:
    latency, accuracy = document.get("latency") or {}, document.get("accuracy")
    facts = [f"{key} {value}" for key, value in document.items() if key not in _STAGE_KEYS]
    return Stage(
        name=str(document["step"]),
        facts=", ".join(facts),
        size=int(document["bytes"]),
        p50_ms=_number(latency.get("p50_ms")),
        p95_ms=_number(latency.get("p95_ms")),
        metric=_range(accuracy, "after") if accuracy else None,
        drop=_range(accuracy, "drop") if accuracy else None,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _range(accuracy: Mapping[str, Any], which: str) -> Range:
    value = float(accuracy[which])
    interval = (accuracy.get("intervals") or {}).get(which) or {"low": value, "high": value}
    return Range(value, float(interval["low"]), float(interval["high"]))
