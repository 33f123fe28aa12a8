"""Golden requests and the comparison with answers."""

import json
from typing import Any

import pytest

from lading.functions.traffic_hook.golden import Golden, GoldenError, differences


def golden(outputs: list[Any], shape: list[int], datatype: str = "FP32") -> Golden:
    tensor = {"name": "y", "datatype": datatype, "shape": shape, "data": outputs}
    document = {
        "tolerance": {"relative": 0.1, "absolute": 0.0},
        "requests": [{"inputs": [], "outputs": [tensor]}],
    }
    return Golden.from_json(json.dumps(document).encode())


def told(expected: Golden, answered: Any, status: int = 200, version: int = 1) -> list[str]:
    body = json.dumps({"version": version, "outputs": {"y": answered}})
    answer = {"statusCode": status, "body": body, "isBase64Encoded": False}
    return list(differences(expected, expected.requests[0], 1, answer))


@pytest.mark.parametrize(
    ("data", "shape", "datatype", "answered"),
    [
        ([1.0, -2.0], [1, 2], "FP32", [[1.09, -1.81]]),
        ([1, 2, 3, 4], [2, 2], "INT64", [[1, 2], [3, 4]]),
        (["a", "b"], [2], "BYTES", ["a", "b"]),
        ([True], [1], "BOOL", [True]),
        ([2.0], [], "FP32", 2),
        ([], [0, 3], "FP32", []),
        ([], [2, 0], "FP32", [[], []]),
    ],
)
def test_an_answer_within_the_tolerance_differs_in_nothing(
    data: list[Any], shape: list[int], datatype: str, answered: Any
) -> None:
    assert told(golden(data, shape, datatype), answered) == []


@pytest.mark.parametrize(
    ("data", "answered", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.3], "output 'y'[1] is 2.3, expected 2.0 (tolerance 0.1 of it + 0)"),
        ([1.0, 2.0], [1.0], "output 'y' must have length 2"),
        ([1.0], [float("nan")], "output 'y'[0] is nan"),
        ([1.0], ["1.0"], "output 'y'[0] is '1.0'"),
        ([1], [True], "output 'y'[0] is True, expected 1"),
        (["a"], ["b"], "output 'y'[0] is 'b', expected 'a'"),
    ],
)
def test_an_answer_beyond_it_says_where(
    data: list[Any], answered: list[Any], difference: str
) -> None:
    (found,) = told(golden(data, [len(data)]), answered)
    assert found.startswith(difference)


def test_an_error_is_quoted_with_its_status() -> None:
    (found,) = told(golden([1.0], [1]), [1.0], status=503)
    assert found.startswith("status 503: {")


def test_another_version_of_the_model_is_a_difference() -> None:
    assert told(golden([1.0], [1]), [1.0], version=2) == ["version 2 answered, not 1"]


@pytest.mark.parametrize("body", ["", "[]", '{"outputs": 1}', '{"version": 1, "outputs": {}}'])
def test_an_answer_of_another_form_is_a_difference(body: str) -> None:
    expected = golden([1.0], [1])
    answer = {"statusCode": 200, "body": body, "isBase64Encoded": False}
    assert len(list(differences(expected, expected.requests[0], 1, answer))) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b'{"tolerance": {}, "requests": []}', b"\xff"])
def test_what_is_no_golden_file_is_refused(content: bytes) -> None:
    with pytest.raises(GoldenError, match="cannot be read"):
        Golden.from_json(content)
