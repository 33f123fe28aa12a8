"""What an artifact records for explanations is read back as it was."""

from typing import Any

import numpy as np
import pytest

from lading.functions.inference.explaining.recorded import Recorded, read, write_rows
from lading.functions.inference.tensors.bfloat16 import BFloat16, rounded

ROWS: dict[str, Any] = {
    "numbers": np.array([[0.1, np.nan], [np.inf, -np.inf]], np.float32),
    "halves": np.array([0.1, 2.0], np.float16),
    "wide": np.array([1 / 3, 1e300]),
    "whole": np.array([[2**63], [0]], np.uint64),
    "texts": np.array([b"\xff", "ü".encode()], np.object_),
    "flags": np.array([True, False]),
    "brain": rounded(np.array([1.0, 3.0], np.float32)),
}


def test_rows_of_every_datatype_are_read_back() -> None:
    recorded = Recorded("shapley", "y", 7, (("a", (0, 1)),), background=ROWS)
    found = read(recorded.to_json(), write_rows(ROWS))
    assert found._replace(background={}) == recorded._replace(background={})
    for name, array in ROWS.items():
        np.testing.assert_array_equal(found.background[name], array)
        assert found.background[name].dtype == array.dtype
    assert isinstance(found.background["brain"], BFloat16)


def test_a_method_without_background_has_none() -> None:
    recorded = Recorded("image", "y", 7, grid=5)
    assert read(recorded.to_json(), None) == recorded


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"method": "lime", "output": "y", "budget": 1}, "'lime' is not a known method"),
        ({"method": "text", "output": "y"}, "cannot be read: KeyError"),
        ({"method": "text", "output": "y", "budget": None}, "cannot be read: TypeError"),
    ],
)
def test_what_cannot_be_read_is_one_error(section: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(section, None)
