"""A client's messages say what the server's do, and tensors survive them."""

import json

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.messages import decode, encode


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.array(5, np.int64),
        np.arange(12, dtype=np.float64).reshape(3, 4).T,
        np.array([True, False]),
        np.array([1, 2], ">i4").astype("<i4"),
    ],
)
def test_a_tensor_survives_the_wire(array: Array) -> None:
    body, size = encode({"x": array}, [])
    head = json.dumps({"outputs": json.loads(body[:size])["inputs"]}).encode()
    found = decode(head + body[size:], len(head))["x"]
    assert (found.dtype, found.shape, found.tolist()) == (array.dtype, array.shape, array.tolist())


def test_tensors_lie_where_they_need_no_copy() -> None:
    for name in ("x", "xy", "xyz"):
        assert encode({name: np.zeros(3, np.float64)}, ["y"])[1] % 8 == 0
