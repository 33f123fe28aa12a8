"""The Open Inference Protocol over gRPC: raw and typed tensors, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from onnx import TensorProto

from lading.functions.contract.settings import ServingSettings
from tests.support.explained import explained_settings, recorded, weighing
from tests.support.worlds import HALF, STRING, add_sub, echo, settings_for

INFER = "inference.GRPCInferenceService/ModelInfer"

Serve = Callable[[ServingSettings], str]
Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def ask(tmp_path: Path, serve: Serve, call: Callable[[str], Ask]) -> Ask:
    models = {
        "m": {1: echo(), 3: echo()},
        "sums": {1: add_sub()},
        "halves": {1: echo(HALF)},
        "bytes": {1: echo(TensorProto.INT8, ["n"])},
        "text": {1: echo(STRING, ["n"])},
    }
    return call(serve(settings_for(tmp_path, models)))


def floats(name: str = "x", *values: float, **changes: Any) -> dict[str, Any]:
    contents = {"fp32_contents": values or (1, 2)}
    return {"name": name, "datatype": "FP32", "shape": [1, 2], "contents": contents} | changes


def infer(ask: Ask, *inputs: dict[str, Any], model: str = "m", **rest: Any) -> Any:
    return ask(INFER, {"model_name": model, "inputs": inputs, **rest})


def refusal(ask: Ask, *inputs: dict[str, Any], **rest: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        infer(ask, *inputs, **rest)
    return caught.value.code(), caught.value.details()


def test_typed_tensors_are_answered_typed(ask: Ask) -> None:
    answer = infer(ask, floats("x", 0.5, -2), id="mine")
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "1", "mine")
    (output,) = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("y", "FP32", [1, 2])
    assert list(output.contents.fp32_contents) == [0.5, -2]
    assert not answer.raw_output_contents


def test_raw_tensors_are_answered_raw(ask: Ask) -> None:
    content = np.array([[0.5, -2]], np.float32).tobytes()
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
    answer = infer(ask, tensor, raw_input_contents=[content])
    assert list(answer.raw_output_contents) == [content]
    assert not answer.outputs[0].HasField("contents")


def test_half_floats_travel_raw_alone(ask: Ask) -> None:
    tensor = {"name": "x", "datatype": "FP16", "shape": [1, 2]}
    content = np.array([[0.5, -2]], np.float16).tobytes()
    answer = infer(ask, tensor, model="halves", raw_input_contents=[content])
    assert list(answer.raw_output_contents) == [content]
    code, text = refusal(ask, tensor, model="halves")
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text == "input 'x' is FP16; send it in raw_input_contents"


def test_a_version_may_be_named(ask: Ask) -> None:
    assert infer(ask, floats(), model_version="3").model_version == "3"


def test_outputs_may_be_chosen(ask: Ask) -> None:
    tensors = [floats(name, 1, 2, 3, shape=[1, 3]) for name in ("a", "b")]
    answer = infer(ask, *tensors, model="sums", outputs=[{"name": "difference"}])
    assert [output.name for output in answer.outputs] == ["difference"]


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (floats(shape=[1, 3]), "has 2 elements, its shape [1, 3] has 3"),
        (floats(shape=[-1, 2]), "needs a 'shape', a list of whole numbers"),
        (floats(shape=[1 << 62, 1 << 62]), "has 2 elements, its shape"),
        (floats(shape=[1] * 65), "has more than 64 dimensions"),
        (floats(datatype="FLOAT"), "needs a 'datatype' of BOOL"),
        (floats(datatype="INT32"), "is INT32; put its elements into 'int_contents'"),
        (floats(contents={"fp32_contents": [1, 2], "int_contents": [1]}), "put its elements into"),
        (floats(contents={}), "has 0 elements"),
        (floats("other"), "is not an input"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_tensor_that_is_not_what_it_says_is_an_invalid_argument(
    ask: Ask, tensor: dict[str, Any], reason: str
) -> None:
    code, text = refusal(ask, tensor)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in text or reason == "is not an input"


@pytest.mark.parametrize(
    ("raw", "changes", "reason"),
    [
        ([b"\0" * 8, b""], {}, "raw_input_contents has 2 tensors, but inputs has 1"),
        ([b"\0" * 8], floats(), "has both 'contents' and raw_input_contents"),
        ([b"\0" * 7], {}, "has 7 bytes, shape [1, 2] of FP32 needs 8"),
        ([b"\0" * 8], {"shape": [1 << 40, 1 << 40]}, "has 8 bytes, shape"),
    ],
)
def test_raw_contents_are_of_the_size_and_number_that_the_inputs_say(
    ask: Ask, raw: list[bytes], changes: dict[str, Any], reason: str
) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2]} | changes
    code, text = refusal(ask, tensor, raw_input_contents=raw)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in text


def test_an_integer_that_its_datatype_cannot_hold_is_refused(ask: Ask) -> None:
    tensor = {"name": "x", "datatype": "INT8", "shape": [1], "contents": {"int_contents": [128]}}
    assert refusal(ask, tensor, model="bytes") == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "input 'x' holds 128, which INT8 cannot",
    )


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ({"model": "nothing"}, grpc.StatusCode.NOT_FOUND),
        ({"model_version": "9"}, grpc.StatusCode.NOT_FOUND),
        ({"model_version": "stable"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"outputs": [{"name": "z"}]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"outputs": [{"name": "y"}, {"name": "y"}]}, grpc.StatusCode.INVALID_ARGUMENT),
        (
            {"outputs": [{"name": "y", "parameters": {"classification": {"int64_param": 1}}}]},
            grpc.StatusCode.UNIMPLEMENTED,
        ),
    ],
)
def test_what_is_not_served_has_its_own_code(
    ask: Ask, rest: dict[str, Any], code: grpc.StatusCode
) -> None:
    assert refusal(ask, floats(), **rest)[0] == code
    assert infer(ask, floats()).outputs  # and the next call works


def test_a_request_without_inputs_is_an_invalid_argument(ask: Ask) -> None:
    code, said = refusal(ask)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert said == "input 'x' is missing; the model requires x"


def test_strings_are_bytes(ask: Ask) -> None:
    contents = {"bytes_contents": ["né".encode(), b""]}
    tensor = {"name": "x", "datatype": "BYTES", "shape": [2], "contents": contents}
    answer = infer(ask, tensor, model="text")
    assert list(answer.outputs[0].contents.bytes_contents) == ["né".encode(), b""]


def test_the_index_lists_every_version_and_why_one_is_not_ready(
    tmp_path: Path, serve: Serve, call: Callable[[str], Ask]
) -> None:
    settings = settings_for(tmp_path, {"good": {1: echo()}, "bad": {1: echo()}})
    (tmp_path / "models" / "bad" / "1" / "model.onnx").write_bytes(b"")
    ask = call(serve(settings))
    index = "inference.GRPCInferenceService/RepositoryIndex"
    bad, good = ask(index, {}).models
    assert (good.name, good.version, good.state) == ("good", "1", "READY")
    assert (bad.state, "digest" in bad.reason) == ("UNAVAILABLE", True)
    assert [model.name for model in ask(index, {"ready": True}).models] == ["good"]
    assert not ask("inference.GRPCInferenceService/ServerReady", {}).ready
    with pytest.raises(grpc.RpcError) as caught:
        infer(ask, floats(), model="bad")
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def explaining(tmp_path: Path, serve: Serve, call: Callable[[str], Ask]) -> Ask:
    """The same with a model that explains its answers."""
    return call(serve(explained_settings(tmp_path, {"m": (weighing(), recorded())})))


@pytest.mark.parametrize(
    ("stated", "outputs"),
    [
        ({"outputs": [{"name": "explanation"}]}, ["explanation"]),
        ({"parameters": {"explain": {"bool_param": True}}}, ["y", "explanation"]),
    ],
    ids=["output", "parameter"],
)
def test_an_explanation_is_an_extra_output(
    explaining: Ask, stated: dict[str, Any], outputs: list[str]
) -> None:
    answer = infer(explaining, floats("x", 1, 2, 3, shape=[1, 3]), **stated)
    assert [each.name for each in answer.outputs] == outputs
    explanation = json.loads(answer.outputs[-1].contents.bytes_contents[0])
    assert explanation["values"] == {"x": [0.5, 5.5, 4.5]}


def test_an_explanation_has_parameters_in_a_text(explaining: Ask) -> None:
    stated = {"explain_parameters": {"string_param": '{"target": 1}'}}
    outputs = [{"name": "explanation"}]
    row = floats("x", 1, 2, 3, shape=[1, 3])
    answer = infer(explaining, row, outputs=outputs, parameters=stated)
    assert json.loads(answer.outputs[0].contents.bytes_contents[0])["target"] == 1


def test_a_model_without_explanations_is_unimplemented(ask: Ask) -> None:
    code, text = refusal(ask, floats(), outputs=[{"name": "explanation"}])
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert text.startswith("model 'm' does not support explanations")
