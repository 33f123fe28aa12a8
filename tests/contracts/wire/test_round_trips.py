"""Every datatype and shape that a dialect carries comes back as it went, whatever the values."""

import atexit
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto

from functions.inference.asgi import App
from functions.inference.dialects import binary_tensors
from functions.inference.tensors import BYTES, DTYPES, Array
from tests.driver import Answer, ask, serve
from tests.worlds import echo, settings_for

ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    BYTES: TensorProto.STRING,
}
MOST_RANK = 3
LENGTH = binary_tensors.HEADER_LENGTH
quick = settings(max_examples=40, deadline=None)


@cache
def app() -> App:
    """A model for each datatype and rank that gives back what it gets."""
    models = {
        f"{datatype}-{rank}": {1: echo(element, [f"d{axis}" for axis in range(rank)])}
        for datatype, element in ELEMENTS.items()
        for rank in range(MOST_RANK + 1)
    }
    folder = Path(mkdtemp(prefix="lading-"))
    atexit.register(shutil.rmtree, folder)
    return serve(settings_for(folder, models))


def tensors(datatype: str, fewest: int = 0) -> st.SearchStrategy[Array]:
    shapes = arrays.array_shapes(min_dims=fewest, max_dims=MOST_RANK, min_side=0, max_side=4)
    if datatype != BYTES:
        return arrays.arrays(DTYPES[datatype], shapes)
    texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
    return arrays.arrays(np.object_, shapes, elements=texts.map(str.encode))


def same(left: Array, right: Array) -> bool:
    return left.shape == right.shape and np.array_equal(
        left, right, equal_nan=left.dtype.kind == "f"
    )


def model_of(array: Array, datatype: str) -> str:
    return f"{datatype}-{array.ndim}"


def infer(array: Array, datatype: str, *, binary: bool) -> Array:
    """Through the Open Inference Protocol and back."""
    head: dict[str, Any] = {"name": "x", "datatype": datatype, "shape": list(array.shape)}
    content = b""
    if binary:
        content = bytes(binary_tensors.encode(array))
        head["parameters"] = {"binary_data_size": len(content)}
    else:
        flat = [item.decode() if datatype == BYTES else item for item in array.ravel().tolist()]
        head["data"] = flat
    document = {"inputs": [head], "parameters": {"binary_data_output": binary}}
    header = json.dumps(document).encode()
    headers = {LENGTH: str(len(header))} if binary else {}
    target = f"POST /v2/models/{model_of(array, datatype)}/infer"
    return _tensor(ask(app(), target, header + content, headers))


def _tensor(answer: Answer) -> Array:
    assert answer.status == 200, answer.body
    length = int(answer.headers.get(LENGTH, len(answer.body)))
    (output,) = json.loads(answer.body[:length])["outputs"]
    shape, datatype = output["shape"], output["datatype"]
    if "data" not in output:
        return binary_tensors.decode(memoryview(answer.body)[length:], "y", datatype, shape)
    data = [item.encode() for item in output["data"]] if datatype == BYTES else output["data"]
    array = np.empty(len(data), DTYPES[datatype])
    array[:] = data
    return array.reshape(shape)


@pytest.mark.parametrize("datatype", ELEMENTS)
@quick
@given(data=st.data())
def test_tensors_come_back_in_binary(datatype: str, data: st.DataObject) -> None:
    array = data.draw(tensors(datatype))
    assert same(infer(array, datatype, binary=True), array)


@pytest.mark.parametrize("datatype", [name for name in ELEMENTS if name != "FP16"])
@quick
@given(data=st.data())
def test_tensors_come_back_in_json(datatype: str, data: st.DataObject) -> None:
    array = data.draw(tensors(datatype))
    assert same(infer(array, datatype, binary=False), array)


@pytest.mark.parametrize("datatype", [name for name in ELEMENTS if name != "FP16"])
@quick
@given(data=st.data())
def test_columns_come_back_from_tensorflow_serving(datatype: str, data: st.DataObject) -> None:
    array = data.draw(tensors(datatype).filter(lambda it: it.size > 0))
    values = _text(array, datatype)
    target = f"POST /v1/models/{model_of(array, datatype)}:predict"
    answer = ask(app(), target, {"inputs": values})
    assert answer.status == 200, answer.body
    found = np.array(answer.document["outputs"], None if datatype == BYTES else DTYPES[datatype])
    assert same(found, np.array(values, found.dtype))


@pytest.mark.parametrize("datatype", [name for name in ELEMENTS if name != "FP16"])
@quick
@given(data=st.data())
def test_finite_values_come_back_from_the_plain_dialect(datatype: str, data: st.DataObject) -> None:
    array = data.draw(tensors(datatype).filter(lambda it: it.size > 0))
    if array.dtype.kind == "f":
        array = np.where(np.isfinite(array), array, 0).astype(array.dtype)
    values = _text(array, datatype)
    target = f"POST /predict/{model_of(array, datatype)}"
    answer = ask(app(), target, {"inputs": {"x": values}})
    assert answer.status == 200, answer.body
    found = np.array(
        answer.document["outputs"]["y"], None if datatype == BYTES else DTYPES[datatype]
    )
    assert same(found, np.array(values, found.dtype))


def _text(array: Array, datatype: str) -> Any:
    """An array as JSON has it: nested lists, or one value."""
    if datatype != BYTES:
        return array.tolist()
    texts = np.empty(array.shape, np.object_)
    texts.flat[:] = [item.decode() for item in array.flat]
    return texts.tolist()
