"""NVIDIA's stock client, unchanged, against every way of serving."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient._plugin import InferenceServerClientPlugin
from tritonclient.utils import InferenceServerException

from lading.functions.inference.tensors.conversion import Array
from tests.contracts.wire.ways import MODELS, Served


@pytest.fixture
def triton_http(served: Served) -> Iterator[triton.InferenceServerClient]:
    with connected(served) as client:
        yield client


@contextmanager
def connected(served: Served, below: str = "") -> Iterator[triton.InferenceServerClient]:
    """The client of all models, or of one model's own address; without a scheme, as it takes it."""
    with triton.InferenceServerClient(served.address + below) as client:
        client.register_plugin(Saying(served))
        yield client


class Saying(InferenceServerClientPlugin):
    """Says with each request what an API wants to hear.

    A gateway takes a body of no type for text, and so an answer that may be of any.
    """

    def __init__(self, served: Served) -> None:
        types = {"Content-Type": "application/octet-stream", "Accept": "*/*"}
        self._headers = served.headers | types if served.token else {}

    def __call__(self, request: Any) -> None:
        request.headers.update(self._headers)


def tensor(
    name: str, array: Array, datatype: str = "FP32", *, binary: bool = True
) -> triton.InferInput:
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def output(name: str, *, binary: bool) -> triton.InferRequestedOutput:
    return triton.InferRequestedOutput(name, binary_data=binary)


FLOATS = np.array([[0.1, -2]], np.float32)
MINUTE = 60_000_000
"""A timeout of Triton's, in microseconds."""
FACTORS = {"": 2, "1": 2, "2": 4}
"""What each version of `doubled` multiplies by."""


def test_the_server_and_its_models_are_live_and_ready(triton_http: Any, served: Served) -> None:
    assert triton_http.is_server_live()
    assert triton_http.is_server_ready()
    assert triton_http.is_model_ready("floats")
    assert triton_http.is_model_ready("floats", "1")
    assert triton_http.is_model_ready("floats", "2") == ("2" in served.versions)
    assert not triton_http.is_model_ready("floats", "9")
    assert not triton_http.is_model_ready("nothing")


def test_metadata_tells_server_and_signature(triton_http: Any, served: Served) -> None:
    assert "binary_tensor_data" in triton_http.get_server_metadata()["extensions"]
    metadata = triton_http.get_model_metadata("floats")
    assert (metadata["name"], metadata["versions"]) == ("floats", served.versions)
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]


def test_the_index_and_the_statistics_are_of_every_model(triton_http: Any) -> None:
    index = triton_http.get_model_repository_index()
    assert {each["name"]: each["state"] for each in index} == dict.fromkeys(MODELS, "READY")
    statistics = triton_http.get_inference_statistics()["model_stats"]
    assert {each["name"] for each in statistics} == set(MODELS)


def test_a_configuration_tells_the_tensors(triton_http: Any) -> None:
    configuration = triton_http.get_model_config("floats")
    assert configuration["platform"] == "onnxruntime_onnx"
    assert configuration["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 2]}]


@pytest.mark.parametrize("binary", [True, False])
def test_an_output_is_told_by_its_best_classes(triton_http: Any, binary: bool) -> None:
    wanted = [triton.InferRequestedOutput("y", binary_data=binary, class_count=1)]
    result = triton_http.infer("floats", [tensor("x", FLOATS)], outputs=wanted)
    assert same(result.as_numpy("y"), np.array([[b"0.100000:0"]], np.object_))


def test_sequences_priorities_and_long_timeouts_have_no_effect(triton_http: Any) -> None:
    said = {"sequence_id": 7, "sequence_start": True, "sequence_end": True}
    result = triton_http.infer("floats", [tensor("x", FLOATS)], priority=1, timeout=MINUTE, **said)
    assert np.array_equal(result.as_numpy("y"), FLOATS)


@pytest.mark.parametrize("binary_out", [None, True, False])
@pytest.mark.parametrize("binary_in", [True, False])
def test_json_and_binary_mix_in_both_directions(
    triton_http: Any, binary_in: bool, binary_out: bool | None
) -> None:
    wanted = None if binary_out is None else [output("y", binary=binary_out)]
    inputs = [tensor("x", FLOATS, binary=binary_in)]
    result = triton_http.infer("floats", inputs, outputs=wanted)
    assert np.array_equal(result.as_numpy("y"), FLOATS)
    assert ("data" in result.get_output("y")) == (binary_out is False)


@pytest.mark.parametrize("binary", [(True, True), (True, False), (False, True), (False, False)])
def test_several_inputs_and_outputs_keep_their_order(
    triton_http: Any, binary: tuple[bool, bool]
) -> None:
    a, b = np.array([[[1, 2, 3]], [[5, 5, 5]]], np.float32)
    inputs = [tensor("b", b, binary=binary[0]), tensor("a", a, binary=binary[1])]
    wanted = [output("difference", binary=binary[1]), output("sum", binary=binary[0])]
    result = triton_http.infer("simple", inputs, outputs=wanted)
    assert result.as_numpy("sum").tolist() == [[6, 7, 8]]
    assert result.as_numpy("difference").tolist() == [[-4, -3, -2]]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("model", "datatype", "array"),
    [
        ("text", "BYTES", np.array([b"", b"caf\xc3\xa9", b"a" * 300], np.object_)),
        ("strings_2d", "BYTES", np.array([["a", "\u00e9"], ["", "d"]], np.object_)),
        ("flags", "BOOL", np.array([[True, False], [False, False]])),
        ("integers", "INT64", np.array([2**63 - 1, -(2**63), 2**53 + 1])),
        ("floats", "FP32", np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32)),
        ("floats", "FP32", np.empty((0, 2), np.float32)),
        ("text", "BYTES", np.empty(0, np.object_)),
        ("scalar", "FP32", np.array(1.5, np.float32)),
    ],
)
def test_every_value_comes_back_as_it_went(
    triton_http: Any, model: str, datatype: str, array: Array, binary: bool
) -> None:
    inputs = [tensor("x", array, datatype, binary=binary)]
    result = triton_http.infer(model, inputs, outputs=[output("y", binary=binary)]).as_numpy("y")
    assert result.shape == array.shape
    assert same(result, array)


def same(left: Array, right: Array) -> bool:
    """Equal, NaN too; the client decodes text that came in JSON and leaves binary text as it is."""
    if right.dtype != np.object_:
        return np.array_equal(left, right, equal_nan=right.dtype.kind == "f")
    texts = [[t if isinstance(t, str) else t.decode() for t in side.flat] for side in (left, right)]
    return texts[0] == texts[1]


def test_half_precision_travels_in_binary(triton_http: Any) -> None:
    array = np.array([[0.1, -65504]], np.float16)
    result = triton_http.infer("halves", [tensor("x", array, "FP16")]).as_numpy("y")
    assert result.dtype == np.float16
    assert np.array_equal(result, array)


def test_brain_floats_travel_in_binary(triton_http: Any) -> None:
    array = np.array([[0.1, -2.5]], np.float32)
    result = triton_http.infer("brains", [tensor("x", array, "BF16")]).as_numpy("y")
    assert result.dtype == np.float32
    assert np.allclose(result, 2 * array, rtol=2**-7)
    assert result[0, 1] == -5


def test_the_request_id_and_the_version_come_back(triton_http: Any) -> None:
    result = triton_http.infer("floats", [tensor("x", FLOATS)], model_version="1", request_id="r-1")
    told = result.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("r-1", "floats", "1")


def test_a_version_answers_for_itself(triton_http: Any, served: Served) -> None:
    for version in ("", *served.versions):
        result = triton_http.infer("doubled", [tensor("x", FLOATS)], model_version=version)
        assert np.array_equal(result.as_numpy("y"), FLOATS * FACTORS[version])


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False])
def test_bodies_may_be_compressed_both_ways(triton_http: Any, algorithm: str, binary: bool) -> None:
    array = np.zeros((1000, 2), np.float32)
    result = triton_http.infer(
        "floats",
        [tensor("x", array, binary=binary)],
        outputs=[output("y", binary=binary)],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    assert np.array_equal(result.as_numpy("y"), array)


def test_asynchronous_requests_are_answered(triton_http: Any) -> None:
    waiting = [triton_http.async_infer("floats", [tensor("x", FLOATS)]) for _ in range(4)]
    for request in waiting:
        assert np.array_equal(request.get_result().as_numpy("y"), FLOATS)


def test_a_client_of_one_models_address_reaches_that_model_alone(served: Served) -> None:
    with connected(served, "/floats") as client:
        assert client.is_server_ready()
        assert client.get_model_metadata("floats")["name"] == "floats"
        result = client.infer("floats", [tensor("x", FLOATS)])
        assert np.array_equal(result.as_numpy("y"), FLOATS)
        assert not client.is_model_ready("simple")


@pytest.mark.parametrize(
    ("model", "version", "text"),
    [
        ("nothing", "", "Request for unknown model: 'nothing' is not found"),
        ("floats", "9", "Request for unknown model: 'floats' version 9 is not found"),
    ],
)
def test_what_is_not_served_is_an_exception_with_the_servers_text(
    triton_http: Any, model: str, version: str, text: str
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        triton_http.infer(model, [tensor("x", FLOATS)], model_version=version)
    assert (caught.value.status(), caught.value.message()) == ("404", text)


@pytest.mark.parametrize(
    ("model", "given", "text"),
    [
        ("floats", tensor("z", FLOATS), "unexpected inference input 'z'"),
        ("floats", tensor("x", FLOATS[:, :1]), "unexpected shape for input 'x': [1, 1]"),
        ("integers", tensor("x", FLOATS), "input 'x' must be INT64, not FP32"),
        ("simple", tensor("a", FLOATS), "input 'b' is missing"),
    ],
)
def test_an_input_that_does_not_fit_is_an_exception_with_the_reason(
    triton_http: Any, model: str, given: triton.InferInput, text: str
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        triton_http.infer(model, [given])
    assert caught.value.status() == "400"
    assert text in caught.value.message()


def test_an_unknown_output_is_an_exception(triton_http: Any) -> None:
    wanted = [output("q", binary=True)]
    with pytest.raises(InferenceServerException, match="unexpected inference output 'q'"):
        triton_http.infer("floats", [tensor("x", FLOATS)], outputs=wanted)
    assert np.array_equal(triton_http.infer("floats", [tensor("x", FLOATS)]).as_numpy("y"), FLOATS)


@pytest.mark.parametrize(("rows", "binary"), [(200_000, True), (50_000, False)])
def test_a_large_tensor_is_answered(triton_http: Any, rows: int, binary: bool) -> None:
    array = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    wanted = [output("y", binary=binary)]
    result = triton_http.infer("floats", [tensor("x", array, binary=binary)], outputs=wanted)
    assert np.array_equal(result.as_numpy("y"), array)
