"""What a page shows of the packaging of a version: facts, stages, hard classes, the price."""

from collections.abc import Mapping
from typing import Any, Final

MOST_CLASSES: Final = 5
"""Classes with the lowest F1."""

_FACTS = ("source", "accuracy", "tools", "target", "batch", "engine", "native")
"""Sections of `artifact.json` that are shown."""
_FIGURES = ("rows", "precision", "recall", "f1")
_Document = Mapping[str, Any]


def describe_report(specification: _Document, report: _Document) -> dict[str, Any] | None:
    """Return the section `report` of a form; None if packaging has left nothing.

    Args:
        specification: artifact.json of the version.
        report: its report.json, which no digest covers: what cannot be read is left out.
    """
    facts = {key: specification[key] for key in _FACTS if specification.get(key)}
    stages = _records(report.get("stages")) or specification.get("steps") or []
    if not facts and not stages:
        return None
    told: dict[str, Any] = {**facts, "stages": stages}
    for key, describe in (("classes", _classes), ("placement", _placement)):
        try:
            told[key] = describe(report)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
    return told


def _records(stages: Any) -> list[Any]:
    """Return stages that are objects; none where one is something else."""
    fit = isinstance(stages, list) and all(isinstance(each, dict) for each in stages)
    return stages if fit else []


def _classes(report: _Document) -> list[dict[str, Any]]:
    """Return the classes with the lowest F1."""
    lowest = sorted(report["by_class"]["classes"], key=lambda each: float(each["f1"]))
    return [
        {"name": str(each["name"]), **{key: _number(each[key]) for key in _FIGURES}}
        for each in lowest[:MOST_CLASSES]
    ]


def _placement(report: _Document) -> dict[str, Any]:
    """Return what serves the version, why, and the dollars for a million requests, if known."""
    found = report["placement"]
    [dollars] = [
        _number(each["per_million_usd"])
        for each in found["options"]
        if each["target"] == found["target"]
    ]
    return {"target": str(found["target"]), "why": str(found["why"]), "per_million_usd": dollars}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
