"""The server around the protocols: health, reflection, bounds, and a line for each call."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from functions.inference.settings import Settings
from tests.functions.inference.rpc.conftest import LONGEST
from tests.worlds import echo, settings_for

INFER = "inference.GRPCInferenceService/ModelInfer"

Serve = Callable[[Settings], str]
Ask = Callable[[str, dict[str, Any]], Any]


def request(model: str = "m") -> dict[str, Any]:
    contents = {"fp32_contents": [1, 2]}
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "contents": contents}
    return {"model_name": model, "inputs": [tensor]}


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService"])
def test_health_tells_whether_every_model_can_answer(
    tmp_path: Path, serve: Serve, service: str
) -> None:
    states = health_pb2.HealthCheckResponse
    for broken, expected in ((False, states.SERVING), (True, states.NOT_SERVING)):
        settings = settings_for(tmp_path / str(broken), {"m": {1: echo()}})
        if broken:
            (tmp_path / "True" / "models" / "m" / "1" / "model.onnx").unlink()
        with grpc.insecure_channel(serve(settings)) as channel:
            checked = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(checked, timeout=20)
            assert answer.status == expected


def test_the_health_of_an_unknown_service_is_not_found(tmp_path: Path, serve: Serve) -> None:
    address = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    unknown = health_pb2.HealthCheckRequest(service="nothing")
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        health_pb2_grpc.HealthStub(channel).Check(unknown, timeout=20)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_tells_the_services_and_their_messages(tmp_path: Path, serve: Serve) -> None:
    address = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    with grpc.insecure_channel(address) as channel:
        found = ProtoReflectionDescriptorDatabase(channel)
        assert set(found.get_services()) == {
            "inference.GRPCInferenceService",
            "tensorflow.serving.PredictionService",
            "tensorflow.serving.ModelService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        file = found.FindFileContainingSymbol("inference.ModelInferRequest")
        assert file.name == "open_inference.proto"


def test_a_message_over_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, serve: Serve, call: Callable[[str], Ask]
) -> None:
    ask = call(serve(settings_for(tmp_path, {"m": {1: echo()}})))
    with pytest.raises(grpc.RpcError) as caught:
        ask(INFER, request() | {"raw_input_contents": [b"\0" * LONGEST]})
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert ask(INFER, request()).outputs


def test_a_call_leaves_one_line_with_its_metrics(
    tmp_path: Path,
    serve: Serve,
    call: Callable[[str], Ask],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask = call(serve(settings_for(tmp_path, {"m": {1: echo()}})))
    ask(INFER, request())
    with pytest.raises(grpc.RpcError):
        ask(INFER, request("nothing"))
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert (good["path"], good["status"]) == (f"/{INFER}", 200)
    assert (good["model"], good["version"], good["dialect"]) == ("m", "1", "open_inference_grpc")
    assert good["Requests"] == [1]
    assert good["ComputeLatency"][0] > 0
    assert (bad["status"], bad["error"], bad["ClientErrors"]) == (404, "ModelNotFound", [1])


def test_bytes_that_are_no_message_are_refused(tmp_path: Path, serve: Serve) -> None:
    address = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{INFER}")(b"\xff\xff\xff", timeout=20)
    assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)


def test_metadata_that_is_too_large_is_refused(tmp_path: Path, serve: Serve) -> None:
    address = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{INFER}")(b"", metadata=[("x", "a" * 100_000)], timeout=20)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_torchserves_own_service_is_not_spoken(tmp_path: Path, serve: Serve) -> None:
    method = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
    address = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(b"", timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
