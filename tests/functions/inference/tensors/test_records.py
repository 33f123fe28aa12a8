from math import nan

import pytest

from lading.functions.contract.errors import InvalidInput, UnexpectedInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.records import columns_of

AGE, CITY = TensorSpec("age", "FP32", (-1,)), TensorSpec("city", "BYTES", (-1, 1))


def test_a_record_is_a_row_of_each_input() -> None:
    records = [{"age": 42, "city": "Oslo"}, {"city": None, "age": None}]
    assert columns_of(records, [AGE, CITY]) == {"age": [42, None], "city": [["Oslo"], [None]]}


def test_a_vector_stays_one() -> None:
    pixels = TensorSpec("pixels", "FP32", (-1, 2))
    assert columns_of([{"pixels": [1, 2]}], [pixels]) == {"pixels": [[1, 2]]}


def test_nan_is_a_missing_text_as_pandas_writes_it() -> None:
    found = columns_of([{"age": nan, "city": nan}], [AGE, CITY])
    assert found["city"] == [[None]]
    assert found["age"] != [None]


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(UnexpectedInput, match="'town'"):
        columns_of([{"age": 1, "city": ""}, {"age": 1, "town": ""}], [AGE, CITY])


def test_a_missing_key_is_named_with_its_row() -> None:
    with pytest.raises(InvalidInput, match="'city' is missing in row 1"):
        columns_of([{"age": 1, "city": ""}, {"age": 1}], [AGE, CITY])


def test_a_row_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no object in row 1"):
        columns_of([{"age": 1, "city": ""}, 7], [AGE, CITY])
