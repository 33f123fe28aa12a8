from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.tables.datatypes import seen_datatype
from lading.model_packaging.tables.table import Cells


@pytest.mark.parametrize(
    ("texts", "datatype"),
    [
        (["1", "2.5", ""], "FP32"),
        (["Oslo", "7", ""], "BYTES"),
        (["True", "False"], "BOOL"),
        (["true", "false", "true"], "BOOL"),
        (["True", ""], "BYTES"),
        (["2024-01-31"], "BYTES"),
        (["", ""], ""),
        (["0", "1"], "FP32"),
    ],
)
def test_cells_of_a_csv_file(texts: list[str], datatype: str) -> None:
    assert seen_datatype(Cells(texts, [*range(len(texts))])) == datatype


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        ([1, 2.5, None], "FP32"),
        (["a", None], "BYTES"),
        ([True, False], "BOOL"),
        ([True, None], "FP32"),
        ([date(2024, 1, 31), datetime(2024, 1, 31, 1, tzinfo=UTC)], "BYTES"),
        ([[1, 2]], ""),
        ([None], ""),
        (np.array([1, 2]), "FP32"),
        (np.array([True]), "BOOL"),
        (np.array(["a"]), "BYTES"),
    ],
)
def test_values_of_other_files(values: Any, datatype: str) -> None:
    assert seen_datatype(values) == datatype
