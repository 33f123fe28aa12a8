import math

import pytest

from lading.model_packaging.documents import canonical, readable


def test_canonical_bytes_depend_on_the_value_alone() -> None:
    assert canonical({"b": [1, 2], "a": None}) == b'{"a":null,"b":[1,2]}'
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


def test_readable_bytes_are_sorted_indented_and_end_in_a_newline() -> None:
    assert readable({"b": 1, "a": 2}) == b'{\n  "a": 2,\n  "b": 1\n}\n'


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_json_number_is_refused(number: float) -> None:
    for write in (canonical, readable):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write([number])
