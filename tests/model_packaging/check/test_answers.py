from collections.abc import Callable

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.answers import MOST_BYTES, Answers, digest, remembered
from lading.model_packaging.check.probes import Request


def counting(
    answer: Callable[[Request], Request],
) -> tuple[Callable[[Request], Request], list[int]]:
    """A model, and the number of its rows at each call."""
    calls: list[int] = []

    def model(request: Request) -> Request:
        calls.append(len(request["x"]))
        return answer(request)

    return model, calls


def doubled(request: Request) -> Request:
    return {"y": 2 * request["x"]}


def texts(*values: bytes) -> Array:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array


def test_a_request_is_answered_once() -> None:
    model, calls = counting(doubled)
    ask = remembered(model)
    first = ask({"x": np.arange(3.0)})
    again = ask({"x": np.arange(3.0)})
    assert first["y"].tolist() == again["y"].tolist() == [0.0, 2.0, 4.0]
    assert calls == [3]


@pytest.mark.parametrize(
    "other",
    [
        {"x": np.arange(3.0) + 1},
        {"x": np.arange(3.0, dtype=np.float32)},
        {"x": np.arange(3.0).reshape(3, 1)},
        {"x": np.arange(3.0), "z": np.arange(3.0)},
        {"x": texts(b"0.0", b"1.0", b"2.0")},
    ],
    ids=["values", "type", "shape", "inputs", "texts"],
)
def test_another_request_is_answered_anew(other: Request) -> None:
    model, calls = counting(lambda request: {"y": request["x"]})
    ask = remembered(model)
    ask({"x": np.arange(3.0)})
    found = ask(other)
    assert found["y"] is other["x"]
    assert len(calls) == 2


def test_texts_that_only_join_to_the_same_bytes_are_other_requests() -> None:
    assert digest({"x": texts(b"ab", b"c")}) != digest({"x": texts(b"a", b"bc")})
    assert digest({"x": texts(b"ab", b"c")}) == digest({"x": texts(b"ab", b"c")})


def test_the_order_of_the_inputs_does_not_matter() -> None:
    x, z = np.zeros(1), np.ones(1)
    assert digest({"x": x, "z": z}) == digest({"z": z, "x": x}) != digest({"x": z, "z": x})


def test_a_refusal_is_not_kept() -> None:
    refused = [True]

    def model(request: Request) -> Request:
        if refused.pop():
            refused.append(False)
            raise ValueError("not now")
        return request

    ask = remembered(model)
    with pytest.raises(ValueError, match="not now"):
        ask({"x": np.zeros(1)})
    assert ask({"x": np.zeros(1)})["x"].tolist() == [0.0]


def test_answers_beyond_the_limit_are_computed_again() -> None:
    large = np.broadcast_to(np.zeros(1), (MOST_BYTES,))  # takes no memory
    model, calls = counting(lambda _: {"y": large})
    answers = Answers()
    for _ in range(2):
        assert answers.of(model, {"x": np.zeros(1)})["y"] is large
    assert calls == [1, 1]


def test_a_caller_that_adds_an_output_changes_no_kept_answer() -> None:
    ask = remembered(doubled)
    ask({"x": np.ones(1)})["more"] = np.ones(1)
    ask({"x": np.ones(1)})["more"] = np.ones(1)
    assert list(ask({"x": np.ones(1)})) == ["y"]
