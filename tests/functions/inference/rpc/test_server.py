"""The server around the protocols: health, reflection, bounds, and a line for each call."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.incoming import MOST_UNLIMITED
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
from lading.functions.inference.tensors.conversion import Array
from tests.functions.inference.rpc.conftest import LONGEST
from tests.support.half_calls import await_ends, open_calls
from tests.support.waiting import until
from tests.support.worlds import echo, settings_for

INFER = "inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"

Serve = Callable[[ServingSettings], str]
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
    tmp_path: Path, serve: Serve, call: Callable[[str], Ask], capsys: pytest.CaptureFixture[str]
) -> None:
    ask = call(serve(settings_for(tmp_path, {"m": {1: echo()}})))
    ask(INFER, request())
    with pytest.raises(grpc.RpcError):
        ask(INFER, request("nothing"))
    written: list[str] = []

    def complete() -> bool:  # a line follows its answer
        written.append(capsys.readouterr().out)
        return "".join(written).count("\n") >= 2

    until(complete)
    good, bad = map(json.loads, "".join(written).splitlines())
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


class Busy(Predictor):
    """A predictor that answers when it is told to."""

    metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1, 2)),), ())

    def __init__(self) -> None:
        self.begun, self.go, self.asked = threading.Event(), threading.Event(), 0

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        self.asked += 1
        self.begun.set()
        assert self.go.wait(20)
        return {}


@dataclass
class Running:
    """A server with one thread that predicts, a channel to it, and what was noted of calls."""

    address: str
    channel: grpc.Channel
    noted: list[tuple[str, int]]
    lanes: Lanes

    def method(self, name: str) -> Any:
        """Calls a method of the Open Inference Protocol, with a serialized request."""
        return self.channel.unary_unary(f"/inference.GRPCInferenceService/{name}")

    def stream(self, *requests: bytes) -> "Stream":
        """A stream that sends these requests and then nothing, and does not end."""
        return Stream(self.channel, requests)

    def health(self) -> int:
        checked = health_pb2.HealthCheckRequest()
        return int(health_pb2_grpc.HealthStub(self.channel).Check(checked, timeout=20).status)


class Stream:
    """A call that its client leaves open."""

    def __init__(
        self, channel: grpc.Channel, requests: Sequence[bytes], path: str = STREAM
    ) -> None:
        self._silent = threading.Event()

        def sent() -> Iterator[bytes]:
            yield from requests
            self._silent.wait()

        self.call = channel.stream_stream(path)(sent())

    def end(self) -> None:
        self.call.cancel()
        self._silent.set()


def serialized(model: str = "m") -> bytes:
    return bytes(message("inference.ModelInferRequest")(**request(model)).SerializeToString())


@contextmanager
def running(model: Predictor, *, most_waiting: int = 100, **limits: float) -> Iterator[Running]:
    noted: list[tuple[str, int]] = []
    catalog = Catalog({"m": CatalogModel("m", {1: model})})
    observability = Observability(
        ServingSettings(), lambda seen, status: noted.append((type(seen.error).__name__, status))
    )
    told = RpcLimits(LONGEST, **{"grace_seconds": 0, **limits})  # type: ignore[arg-type]
    served = RpcServing(catalog, observability, told)
    with (
        Lanes(LaneLimits(threads=1, most_waiting=most_waiting)) as lanes,
        serving(served, "127.0.0.1:0", lanes) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Running(f"127.0.0.1:{port}", channel, noted, lanes)


def loaded(root: Path) -> Predictor:
    return load_catalog(settings_for(root, {"m": {1: echo()}})).model("m").predictor(1)


def test_streams_that_say_nothing_hold_up_no_call(tmp_path: Path) -> None:
    with running(loaded(tmp_path)) as server:
        streams = [server.stream(serialized()) for _ in range(20)]
        for each in streams:
            assert next(each.call)  # it is there, and answered; then it falls silent
        assert server.method("ModelInfer")(serialized(), timeout=20)
        assert server.health() == health_pb2.HealthCheckResponse.SERVING
        for each in streams:
            each.end()


@pytest.mark.parametrize("name", ["ServerLive", "ServerReady", "RepositoryIndex"])
def test_health_and_lookups_do_not_wait_for_predictions(name: str) -> None:
    model = Busy()
    with running(model) as server:
        asked = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        waiting = server.method("ModelInfer").future(serialized(), timeout=60)
        assert server.health() == health_pb2.HealthCheckResponse.SERVING
        server.method(name)(b"", timeout=20)
        model.go.set()
        asked.result()
        waiting.result()


def test_more_calls_than_may_be_are_refused_and_health_still_answers(tmp_path: Path) -> None:
    with running(loaded(tmp_path), most_calls=3) as server:
        streams = [server.stream(serialized()) for _ in range(3)]
        for each in streams:
            assert next(each.call)
        with pytest.raises(grpc.RpcError) as caught:
            server.method("ModelInfer")(serialized(), timeout=20)
        with pytest.raises(grpc.RpcError) as streaming:
            next(server.stream(serialized()).call)
        assert server.health() == health_pb2.HealthCheckResponse.SERVING
        for each in streams:
            each.end()
        until(lambda: answers(server))  # a server learns later than its client
    for refused in (caught.value, streaming.value):
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "too many concurrent calls" in str(refused.details())


def test_calls_whose_requests_never_come_are_outlived_and_block_no_other(tmp_path: Path) -> None:
    late = 50
    paths = [f"/{INFER}", "/grpc.health.v1.Health/Check"] * ((MOST_UNLIMITED + late) // 2)
    with running(loaded(tmp_path), most_calls=3, request_s=2) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as connection:
            open_calls(connection, paths)  # more than all other places
            await_ends(connection, late)
            until(lambda: answers(server))
            assert server.health() == health_pb2.HealthCheckResponse.SERVING


def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    with running(loaded(tmp_path), request_s=0.2) as server:
        host, _, port = server.address.rpartition(":")
        with (
            socket.create_connection((host, int(port)), 60) as connection,
            connection.makefile("rb") as received,
        ):
            received.read()  # to the end of what the server says


def test_connections_beyond_their_number_are_closed_until_one_ends(tmp_path: Path) -> None:
    with running(loaded(tmp_path), most_connections=5) as server, ExitStack() as opened:
        host, _, port = server.address.rpartition(":")
        addresses = [(host, int(port))] * 8
        connections = [opened.enter_context(socket.create_connection(it, 20)) for it in addresses]
        until(lambda: sum(map(closed, connections)) == 3)
        assert not answers(server)
        opened.close()
        until(lambda: answers(server))


def closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection, by what it has sent."""
    connection.setblocking(False)
    try:
        while connection.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_a_stream_whose_client_sends_nothing_is_ended(tmp_path: Path) -> None:
    with running(loaded(tmp_path), idle_stream_s=0.2) as server:
        stream = server.stream(serialized())
        with pytest.raises(grpc.RpcError, match="idle for") as caught:
            list(stream.call)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_what_is_not_answered_at_the_end_of_the_grace_is_refused() -> None:
    model = Busy()
    with ExitStack() as opened:
        with running(model, grace_seconds=0.1) as server:
            own = opened.enter_context(grpc.insecure_channel(server.address))
            asked = replace(server, channel=own).method("ModelInfer").future(serialized())
            asked.add_done_callback(lambda _: model.go.set())
            assert model.begun.wait(20)
        error = asked.exception()
    assert (error.code(), error.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "the server is stopping; send the request again",
    )
    assert ("grpc-retry-pushback-ms", "1000") in error.trailing_metadata()


def test_silent_streams_of_reflection_crowd_out_nothing(tmp_path: Path) -> None:
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    listing = reflection_pb2.ServerReflectionRequest(list_services="*").SerializeToString()
    with running(loaded(tmp_path)) as server:
        streams = [Stream(server.channel, [listing], path) for _ in range(16)]
        for each in streams:
            assert next(each.call)
        with pytest.raises(grpc.RpcError) as caught:
            next(Stream(server.channel, [listing], path).call)
        assert server.health() == health_pb2.HealthCheckResponse.SERVING
        assert server.method("ModelInfer")(serialized(), timeout=20)
        for each in streams:
            each.end()
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def answers(server: Running) -> bool:
    """Whether there is room for a call."""
    with suppress(grpc.RpcError):
        return bool(server.method("ModelInfer")(serialized(), timeout=20))
    return False


def test_a_call_whose_caller_leaves_before_its_turn_is_not_answered() -> None:
    model = Busy()
    with running(model) as server:
        first = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        second = server.method("ModelInfer").future(serialized(), timeout=60)
        until(lambda: server.lanes.states()[-1].waiting)
        second.cancel()
        until(lambda: ("CallerGone", 499) in server.noted)
        model.go.set()
        first.result()
    assert model.asked == 1
    assert server.noted.count(("NoneType", 200)) == 1


def test_a_server_that_ends_waits_for_calls_under_way_and_not_for_silent_streams() -> None:
    model = Busy()
    with ExitStack() as later, running(model, grace_seconds=60) as started:
        channel = later.enter_context(grpc.insecure_channel(started.address))
        server = replace(started, channel=channel)
        silent = server.stream()
        while not server.noted:  # the server has the stream when a later call has been answered
            server.method("ServerLive")(b"", timeout=20)
        asked = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        later.callback(check_ended, asked, silent)
        silent.call.add_callback(model.go.set)  # the stream ends first, then the call may


def check_ended(asked: Any, silent: Stream) -> None:
    """What the server left behind: an answer, and a stream that it has ended."""
    assert asked.result(timeout=20) is not None
    with pytest.raises(grpc.RpcError):
        next(silent.call)
    assert silent.call.code() == grpc.StatusCode.UNAVAILABLE
    silent.end()


@pytest.mark.parametrize("name", ["ModelInfer", "ModelStreamInfer"])
def test_a_call_beyond_the_queue_is_refused_at_once(name: str) -> None:
    model = Busy()
    with running(model, most_waiting=1) as server:
        first = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        second = server.method("ModelInfer").future(serialized(), timeout=60)
        until(lambda: server.lanes.states()[-1].waiting)
        refusal = refused(server, name)
        assert "model 'm' is overloaded: 1 requests wait for it; retry in 1 s" in refusal
        model.go.set()
        first.result()
        second.result()
    assert ("Overloaded", 503) in server.noted
    assert model.asked == 2


def refused(server: Running, name: str) -> str:
    """Why a call is refused."""
    if name == "ModelStreamInfer":
        stream = server.stream(serialized())
        answer = message("inference.ModelStreamInferResponse").FromString(next(stream.call))
        stream.end()
        return str(answer.error_message)
    with pytest.raises(grpc.RpcError) as caught:
        server.method(name)(serialized(), timeout=60)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    return str(caught.value.details())


def test_a_request_whose_timeout_passes_in_the_queue_is_not_predicted() -> None:
    model = Busy()
    hurried = message("inference.ModelInferRequest").FromString(serialized())
    hurried.parameters["timeout"].int64_param = 1  # microsecond
    with running(model) as server:
        first = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        second = server.method("ModelInfer").future(hurried.SerializeToString(), timeout=60)
        server.method("ServerLive")(b"", timeout=20)
        model.go.set()
        first.result()
        with pytest.raises(grpc.RpcError) as caught:
            second.result()
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert model.asked == 1


def test_a_call_whose_deadline_passes_in_the_queue_is_not_predicted() -> None:
    model = Busy()
    with running(model) as server:
        first = server.method("ModelInfer").future(serialized(), timeout=60)
        assert model.begun.wait(20)
        with pytest.raises(grpc.RpcError) as caught:
            server.method("ModelInfer")(serialized(), timeout=0.2)
        until(lambda: not any(each.waiting for each in server.lanes.states()))
        model.go.set()
        first.result()
        server.method("ModelInfer")(serialized(), timeout=60)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert model.asked == 2


@pytest.mark.parametrize("stated", [{"int64_param": -1}, {"string_param": "1"}])
def test_a_timeout_that_is_no_number_of_microseconds_is_refused(
    tmp_path: Path, stated: dict[str, Any]
) -> None:
    request = message("inference.ModelInferRequest").FromString(serialized())
    for field, value in stated.items():
        setattr(request.parameters["timeout"], field, value)
    with running(loaded(tmp_path)) as server, pytest.raises(grpc.RpcError) as caught:
        server.method("ModelInfer")(request.SerializeToString(), timeout=20)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "'timeout' must be a whole number of microseconds" in str(caught.value.details())
