"""OnnxSession: named arrays in, named arrays out, for every datatype that is served."""

import os
import sys

import numpy as np
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import (
    SLOW_ON_PROCESSORS,
    OnnxSession,
    choose_providers,
)
from lading.functions.inference.tensors.conversion import DTYPES, as_datatype, datatype_of
from tests.support.interpreter import run_clean
from tests.support.worlds import (
    BRAIN,
    ELEMENTS,
    FLOAT,
    STRING,
    add_sub,
    brain_doubled,
    echo,
    onnx_model,
)


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_goes_in_and_comes_out_the_same(datatype: str) -> None:
    values = [b"a", "\u00e9\0b".encode()] if datatype == "BYTES" else [0, 1]
    array = np.array([*values, None], np.object_)[:-1].astype(DTYPES[datatype]).reshape(1, 2)
    array = as_datatype(array, datatype)
    session = OnnxSession(echo(ELEMENTS[datatype]))
    assert session.inputs[0].datatype == datatype
    answer = session.run({"x": array})["y"]
    assert datatype_of(answer) == datatype
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
    given = helper.make_tensor_value_info("x", FLOAT, ["n", 2])
    split = helper.make_tensor_sequence_value_info("y", FLOAT, None)
    node = helper.make_node("SplitToSequence", ["x"], ["y"])
    graph = helper.make_graph([node], "graph", [given], [split])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(ValueError, match="only plain tensors"):
        OnnxSession(model.SerializeToString())


def test_bfloat16_is_computed_as_the_model_says_and_rounded_as_it_rounds() -> None:
    session = OnnxSession(brain_doubled())
    assert [spec.datatype for spec in (*session.inputs, *session.outputs)] == ["BF16", "BF16"]
    answer = session.run({"x": np.array([[1.004, -3.0]], np.float32)})["y"]
    assert (datatype_of(answer), answer.tolist()) == ("BF16", [[2.015625, -6.0]])


def test_bfloat16_may_stand_beside_other_datatypes_on_either_side() -> None:
    wide, brain = (FLOAT, ["n"]), (BRAIN, ["n"])
    nodes = [
        helper.make_node("Cast", ["a"], ["wide"], to=FLOAT),
        helper.make_node("Cast", ["b"], ["brain"], to=BRAIN),
        helper.make_node("Cast", ["b"], ["text"], to=STRING),
    ]
    outputs = {"wide": wide, "brain": brain, "text": (STRING, ["n"])}
    session = OnnxSession(onnx_model({"a": brain, "b": wide}, outputs, *nodes))
    inputs = {"a": np.array([1], np.float32), "b": np.array([2.51], np.float32)}
    answer = session.run(inputs)
    assert answer["wide"].tolist() == [1.0]
    assert answer["brain"].tolist() == [2.515625]
    assert answer["text"].tolist() == [b"2.51"]
    assert list(session.run(inputs, ["wide"])) == ["wide"]


def test_text_in_and_bfloat16_out_is_more_than_onnxruntime_has() -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=BRAIN)
    model = onnx_model({"x": (STRING, ["n"])}, {"y": (BRAIN, ["n"])}, node)
    with pytest.raises(ValueError, match="inputs are text and its outputs bfloat16"):
        OnnxSession(model)


@pytest.mark.parametrize("shape", [(0,), ()])
def test_bfloat16_may_be_none_or_a_scalar(shape: tuple[int, ...]) -> None:
    session = OnnxSession(echo(BRAIN, ["n"] if shape else []))
    assert session.run({"x": np.ones(shape, np.float32)})["y"].shape == shape


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


@pytest.mark.skipif(
    sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="needs two processors of Linux"
)
def test_a_session_has_no_more_threads_than_processors_that_it_may_use() -> None:
    code = """
import json, os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from lading.functions.inference.models.session import OnnxSession
from tests.support.worlds import echo
options = OnnxSession(echo())._session.get_session_options()
print(json.dumps({"threads": options.intra_op_num_threads}))
"""
    assert run_clean(code, {}) == [{"threads": 1}]


def normalized_sum() -> bytes:
    """The layer normalization of a sum, as after each layer of a transformer."""
    scale = numpy_helper.from_array(np.linspace(0.5, 1.5, 64, dtype=np.float32))
    side = (FLOAT, ["rows", "tokens", 64])
    return onnx_model(
        {"a": side, "b": side},
        {"y": side},
        helper.make_node("Constant", [], ["scale"], value=scale),
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("LayerNormalization", ["sum", "scale", "scale"], ["y"]),
    )


def test_a_fusion_that_is_slow_on_processors_is_left_out() -> None:
    numbers = np.random.default_rng(0)
    inputs = {each: numbers.normal(size=(2, 9, 64)).astype(np.float32) for each in "ab"}
    fused, apart = (
        np.asarray(
            ort.InferenceSession(
                normalized_sum(), providers=["CPUExecutionProvider"], disabled_optimizers=disabled
            ).run(None, inputs)[0]
        )
        for disabled in ((), SLOW_ON_PROCESSORS)
    )
    assert not np.array_equal(fused, apart)  # the kernels round at different places
    np.testing.assert_allclose(fused, apart, 1e-4, 1e-5)
    assert np.array_equal(OnnxSession(normalized_sum()).run(inputs)["y"], apart)


def test_the_bytes_of_a_model_are_not_kept_beside_its_session() -> None:
    model = echo() + b""
    before = sys.getrefcount(model)
    session = OnnxSession(model)
    assert sys.getrefcount(model) == before
    assert session.run({"x": np.ones((1, 2), np.float32)})["y"].shape == (1, 2)
