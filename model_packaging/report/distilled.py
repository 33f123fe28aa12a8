"""The figures of a distilled model beside those of its teacher."""

from collections.abc import Mapping
from typing import Any

COMPARISON = "distilled"
"""The key of report.json with the teacher's figures."""


def figures_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return teacher, student and optimized student: name, bytes, p50_ms, accuracy.

    Args:
        report: the report.json of a student; without a comparison there are no rows.
    """
    compared = report.get(COMPARISON)
    if not compared:
        return []
    accuracy = compared["accuracy"]
    rows = [
        {
            "name": f"teacher: {compared['teacher']}",
            "bytes": compared["bytes"],
            "p50_ms": compared["p50_ms"],
            "accuracy": accuracy["before"],
        }
    ]
    for stage in report["stages"]:
        step = stage["step"]
        rows.append(
            {
                "name": "student" if step == "convert" else f"student, after {step}",
                "bytes": stage["bytes"],
                "p50_ms": stage["latency"]["p50_ms"],
                "accuracy": (stage["accuracy"] or {}).get("after"),
            }
        )
    return rows
