import json

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec, with_domains
from lading.functions.inference.tensors.conversion import Array, check_signature
from lading.functions.inference.tensors.domain import EVERY, Domain

ROWS = np.array([[1, 2], [3, 4]], np.float32)
NAN, INF = np.nan, np.inf


def texts(*values: str) -> Array:
    array = np.empty(len(values), np.object_)
    array[:] = [value.encode() for value in values]
    return array


def with_value(value: float, column: int) -> Array:
    rows = ROWS.copy()
    rows[1, column] = value
    return rows


@pytest.mark.parametrize(
    ("domain", "array"),
    [
        (Domain(), with_value(NAN, 0)),
        (Domain(), with_value(INF, 0)),
        (Domain(missing=False, infinite=False), ROWS),
        (Domain(missing=frozenset({1})), with_value(NAN, 1)),
        (Domain(missing=False), with_value(INF, 1)),
        (Domain(missing=False), texts("a")),
        (Domain(), texts("")),
        (Domain(values={EVERY: frozenset({b"a", b"b"})}), texts("a", "b", "")),
        (Domain(values={1: frozenset({2.0, 4.0})}), ROWS),
        (Domain(), ROWS[:0]),
        (Domain(empty=False), ROWS),
        (Domain(negative=False), np.array([0, 3])),
        (Domain(negative=False), np.zeros(0, np.int64)),
        (Domain(negative=False), -ROWS),
        (Domain(), np.array([-1])),
    ],
)
def test_values_of_the_domain_pass(domain: Domain, array: Array) -> None:
    domain.check(array, "x")


@pytest.mark.parametrize(
    ("domain", "array", "text"),
    [
        (Domain(missing=False), with_value(NAN, 1), "lacks a value in column 1; the model does"),
        (Domain(missing=frozenset({0})), with_value(NAN, 1), "lacks a value in column 1"),
        (Domain(infinite=False), with_value(-INF, 0), "holds infinity in column 0"),
        (Domain(missing=False), texts("a", ""), "'x' lacks a value; the model does not accept mis"),
        (
            Domain(missing=False, values={EVERY: frozenset({b"Graz", b"Wien"})}),
            texts("Wien", "Paris"),
            "'x' holds 'Paris', which the model was not trained on; it knows 'Graz', 'Wien'$",
        ),
        (
            Domain(values={0: frozenset(range(20))}),
            with_value(77, 0),
            r"holds 77.0 in .* 6, 7 and 12 more",
        ),
        (
            Domain(negative=False),
            np.array([3, -2]),
            "'x' holds -2; the model does not accept negative",
        ),
        (
            Domain(empty=False),
            ROWS[:0],
            r"'x' has shape \[0, 2\]; the model does not accept arrays with",
        ),
    ],
)
def test_a_value_outside_of_the_domain_is_named(domain: Domain, array: Array, text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        domain.check(array, "x")


@pytest.mark.parametrize(
    ("domain", "datatype"),
    [
        (Domain(), "FP32"),
        (Domain(missing=frozenset({0, 3}), infinite=False), "FP32"),
        (Domain(missing=False, values={EVERY: frozenset({b"a", "é".encode()})}), "BYTES"),
        (Domain(values={2: frozenset({1.5, 2.0})}), "FP64"),
        (Domain(empty=False), "FP32"),
        (Domain(negative=False), "INT64"),
    ],
)
def test_a_domain_is_read_as_it_was_written(domain: Domain, datatype: str) -> None:
    assert Domain.from_json(json.loads(json.dumps(domain.to_json())), datatype) == domain


def test_the_signature_holds_inputs_to_their_domains() -> None:
    specs = (TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1, 2)))
    limited = with_domains(specs, {"x": Domain(missing=False).to_json()})
    check_signature({"x": ROWS, "y": with_value(NAN, 0)}, limited)
    with pytest.raises(InvalidInput, match="input 'x' lacks a value"):
        check_signature({"x": with_value(NAN, 0), "y": ROWS}, limited)


def test_numbers_beyond_the_bounds_of_a_column_are_refused_and_nan_is_not() -> None:
    domain = Domain(bounds={1: (0.0, np.inf)})
    again = Domain.from_json(json.loads(json.dumps(domain.to_json())), "FP64")
    assert again == domain
    again.check(np.array([[-5.0, 0.0], [1.0, np.nan]]), "X")
    with pytest.raises(InvalidInput, match=r"holds -5.0 in column 1; .* numbers from 0.0 to inf"):
        again.check(np.array([[0.0, 1.0], [1.0, -5.0]]), "X")
    with pytest.raises(
        InvalidInput, match=r"holds 9.0; the model accepts numbers from -inf to 8.0"
    ):
        Domain(bounds={-1: (-np.inf, 8.0)}).check(np.array([9.0]), "age")


@pytest.mark.parametrize(("value", "lowest"), [(0.0, 5e-324), (-1.0, -0.9999999999999999)])
def test_a_float32_number_is_compared_with_bounds_that_float32_does_not_have(
    value: float, lowest: float
) -> None:
    domain = Domain(bounds={-1: (lowest, np.inf)})
    domain.check(np.array([0.5], np.float32), "X")
    with pytest.raises(InvalidInput, match=f"holds {value}; the model accepts numbers from"):
        domain.check(np.array([value], np.float32), "X")
