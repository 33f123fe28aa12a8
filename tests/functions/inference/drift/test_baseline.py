import json
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.drift.baseline import MAX_BYTES, read_baseline

NUMBERS = {
    "tensor": "x",
    "side": "inputs",
    "view": "columns",
    "edges": [[0.0, 1.0], [0.0, 2.0]],
    "expected": [[0, 9, 0, 0], [0, 9, 0, 0]],
}
VALUES = {
    "tensor": "label",
    "side": "outputs",
    "view": "values",
    "values": ["a"],
    "expected": [[9, 0, 0]],
}


def content(*features: dict[str, Any], version: int = 1) -> bytes:
    return json.dumps({"version": version, "rows": 9, "features": features}).encode()


def test_a_baseline_counts_each_of_its_features() -> None:
    baseline = read_baseline(content(NUMBERS, VALUES))
    numbers, values = baseline.features
    numbers.add([np.array([[0.5, 1.5]]), np.array([[2.0, 1.0]])])
    values.add([np.array([b"a", b"b"], np.object_)])
    assert numbers.bins.take() == [[0, 1, 1, 0], [0, 2, 0, 0]]
    assert values.bins.take() == [[1, 1, 0]]
    assert (baseline.rows, len(baseline.digest)) == (9, 16)


def test_features_are_named_for_people() -> None:
    mean = {**NUMBERS, "view": "mean", "edges": [[0.0]], "expected": [[0, 0, 0]]}
    named = [each.names() for each in read_baseline(content(NUMBERS, VALUES, mean)).features]
    assert named == [["x[0]", "x[1]"], ["label"], ["mean of x"]]


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (content(version=2), "form 2"),
        (content({**NUMBERS, "view": "colour"}), "view 'colour'"),
        (content({"tensor": "x"}), "cannot be read"),
        (b"[]", "cannot be read"),
        (b"{", "Expecting"),
        (b" " * (MAX_BYTES + 1), "exceeds the limit"),
    ],
    ids=["form", "view", "keys", "list", "json", "size"],
)
def test_what_is_no_baseline_is_refused_with_the_reason(damaged: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_baseline(damaged)
