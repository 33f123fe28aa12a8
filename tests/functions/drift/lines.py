"""Lines with counts, as the service writes them."""

import json
from typing import Any


def line(counts: list[int], **changes: Any) -> str:
    """A line of one input of numbers, with these counts."""
    feature = {
        "name": "x",
        "side": "inputs",
        "kind": "numbers",
        "expected": [0, 50, 50, 0, 0],
        "counts": counts,
    }
    document = {
        "level": "INFO",
        "message": "drift",
        "service": "inference",
        "model": "m",
        "version": "1",
        "baseline": "b",
        "rows": 100,
        "since": 1000,
        "until": 2000,
        "requests": sum(counts),
        "counted": sum(counts),
        "features": [feature],
        **changes,
    }
    return json.dumps(document)


def many(kind: str, expected: list[int], counts: list[int]) -> str:
    """A line of one feature of this kind."""
    feature = {"name": "x", "side": "inputs", "kind": kind, "expected": expected, "counts": counts}
    return line(counts, features=[feature])
