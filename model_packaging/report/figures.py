"""The figures of the page, from artifact.json and report.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lading.functions.inference.artifact.specification import PYTHON, TORCHSCRIPT
from lading.model_packaging.manifest.checking import RELATIVE_TOLERANCE
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.report.elements import undamaged

_STAGE_KEYS = frozenset(("step", "bytes", "latency", "accuracy", "candidates"))


@dataclass(frozen=True, slots=True)
class Stage:
    """The model after one stage: bytes, milliseconds, and the metric if there is a gate."""

    name: str
    facts: str
    size: int
    p50_ms: float | None
    p95_ms: float | None
    change: AccuracyChange | None


@dataclass(frozen=True, slots=True)
class Batches:
    """The dependence of answers on the other rows of a request; see `measure.batches`."""

    rows: int
    sizes: tuple[int, ...]
    usual: tuple[float, float, int]
    """Largest difference, the same relative to the answer's largest number, other labels."""
    unusual: tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class ReportedVersion:
    """The documents of a version.

    Args:
        version: its number.
        specification: its artifact.json, as `read_artifact` returns it.
        report: its report.json; empty if that is lost.
        digest: of its artifact.json, from the lock.
        golden: its golden.json, if it has one.
    """

    version: int
    specification: Mapping[str, Any]
    report: Mapping[str, Any]
    digest: str = ""
    golden: bytes = b""


def read_report(content: bytes) -> Mapping[str, Any]:
    """Return the content of report.json, which no digest covers; empty when it cannot be read."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def stages_of(specification: Mapping[str, Any], report: Mapping[str, Any]) -> list[Stage]:
    """Return the stages with their figures; sizes alone if report.json is lost.

    Raises:
        ValueError: the documents are not what packaging writes.
    """
    with undamaged():
        return [_stage(each) for each in report.get("stages") or specification["steps"]]


def change_of(specification: Mapping[str, Any]) -> AccuracyChange | None:
    """Return the gate's figures; None without a gate.

    Raises:
        ValueError: the document is not what packaging writes.
    """
    return _change(specification.get("accuracy"))


def batches_of(specification: Mapping[str, Any]) -> Batches | None:
    """Return how much answers depend on the batch; None if it was not measured.

    Raises:
        ValueError: the document is not what packaging writes.
    """
    batch = specification.get("batch")
    if batch is None:
        return None
    with undamaged():
        sizes, unusual = tuple(map(int, batch["sizes"])), batch["beside_unusual_rows"]
        return Batches(int(batch["rows"]), sizes, _apart(batch), _apart(unusual))


def wider_tolerance(specification: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence about the tolerance of the check, if it is wider than usual.

    Raises:
        ValueError: the document is not what packaging writes.
    """
    with undamaged():
        tolerance = float((specification.get("check") or {}).get("tolerance", RELATIVE_TOLERANCE))
    if tolerance > RELATIVE_TOLERANCE:
        yield (
            f"Its numbers may differ from those of the original model by {tolerance:g} of their "
            f"value; {RELATIVE_TOLERANCE:g} is usual."
        )


def _apart(measured: Mapping[str, Any]) -> tuple[float, float, int]:
    return (
        float(measured["largest_difference"]),
        float(measured["largest_relative_difference"]),
        int(measured["label_flips"]),
    )


def _stage(document: Mapping[str, Any]) -> Stage:
    latency = document.get("latency") or {}
    facts = [f"{key} {value}" for key, value in document.items() if key not in _STAGE_KEYS]
    return Stage(
        name=str(document["step"]),
        facts=", ".join(facts),
        size=int(document["bytes"]),
        p50_ms=_number(latency.get("p50_ms")),
        p95_ms=_number(latency.get("p95_ms")),
        change=_change(document.get("accuracy")),
    )


def _change(document: Mapping[str, Any] | None) -> AccuracyChange | None:
    with undamaged():
        return AccuracyChange.from_json(document) if document else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def runs_code(specification: Mapping[str, Any]) -> bool:
    """Return whether the model is a class of the user's own, or TorchScript, a program."""
    return specification.get("native", {}).get("runtime") in {PYTHON, TORCHSCRIPT}


def unconverted(specification: Mapping[str, Any]) -> str:
    """Return what computes a model that is not converted; empty if it is."""
    native = specification.get("native")
    if native and native["runtime"] == TORCHSCRIPT:
        return f"runs your code: torch computes {native['file']}, the trained file, a program"
    if native and runs_code(specification):
        return f"runs your code: {native['options']['class']} of {native['file']}"
    return f"{native['runtime']} computes {native['file']}, the trained file" if native else ""
