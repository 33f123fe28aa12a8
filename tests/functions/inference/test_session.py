"""OnnxSession: named arrays in, named arrays out, for every datatype that is served."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from functions.inference.errors import InvalidInput
from functions.inference.predictor import SessionError
from functions.inference.session import OnnxSession, choose_providers
from functions.inference.tensors import DTYPES
from tests.worlds import ELEMENTS, FLOAT, STRING, add_sub, echo, onnx_model


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_goes_in_and_comes_out_the_same(datatype: str) -> None:
    values = [b"a", "\u00e9\0b".encode()] if datatype == "BYTES" else [0, 1]
    array = np.array([*values, None], np.object_)[:-1].astype(DTYPES[datatype]).reshape(1, 2)
    session = OnnxSession(echo(ELEMENTS[datatype]))
    assert session.inputs[0].datatype == datatype
    answer = session.run({"x": array})["y"]
    assert answer.dtype == array.dtype
    assert answer.tolist() == array.tolist()


def test_symbolic_sizes_are_minus_one() -> None:
    assert OnnxSession(echo(FLOAT, ["batch", 3, None])).inputs[0].shape == (-1, 3, -1)


def test_only_the_wanted_outputs_are_computed_in_the_order_asked_for() -> None:
    inputs = {name: np.ones((1, 3), np.float32) for name in ("a", "b")}
    session = OnnxSession(add_sub())
    assert list(session.run(inputs)) == ["sum", "difference"]
    assert list(session.run(inputs, ["difference", "sum"])) == ["difference", "sum"]
    assert list(session.run(inputs, ["difference"])) == ["difference"]


@pytest.mark.parametrize("shape", [(0,), ()])
def test_strings_may_be_none_or_a_scalar(shape: tuple[int, ...]) -> None:
    array = np.full(shape, b"a", np.object_)
    symbolic = ["n"] if shape else []
    assert OnnxSession(echo(STRING, symbolic)).run({"x": array})["y"].shape == shape


def test_bytes_that_are_no_text_are_refused_by_the_name_of_their_input() -> None:
    at = (STRING, ["n"])
    nodes = [helper.make_node("Identity", [side], [f"{side}2"]) for side in ("a", "b")]
    session = OnnxSession(onnx_model({"a": at, "b": at}, {"a2": at, "b2": at}, *nodes))
    good, bad = np.array([b"ok"], np.object_), np.array([b"\xff"], np.object_)
    with pytest.raises(InvalidInput, match="input 'b' holds bytes that are not UTF-8"):
        session.run({"a": good, "b": bad})


@pytest.mark.parametrize("content", [b"", b"no model", echo()[:-9]])
def test_what_is_no_model_is_told_in_one_line(content: bytes) -> None:
    with pytest.raises(SessionError, match=r"\A[^\n]+\Z"):
        OnnxSession(content)


def test_a_model_that_takes_no_plain_tensor_is_refused() -> None:
    with pytest.raises(ValueError, match="only plain tensors"):
        OnnxSession(echo(TensorProto.BFLOAT16))


def test_what_the_runtime_gives_up_on_is_a_session_error() -> None:
    with pytest.raises(SessionError):
        OnnxSession(echo()).run({"x": np.zeros((1, 3), np.float32)})


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        (["CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (["AzureExecutionProvider", "CPUExecutionProvider"], ["CPUExecutionProvider"]),
        (
            ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
            ["CUDAExecutionProvider", "CPUExecutionProvider"],
        ),
    ],
)
def test_a_gpu_comes_before_the_processor_where_onnxruntime_has_one(
    available: list[str], chosen: list[str]
) -> None:
    assert choose_providers(available) == chosen
