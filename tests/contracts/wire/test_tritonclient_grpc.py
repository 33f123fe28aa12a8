"""NVIDIA's stock gRPC client, unchanged, against every way of speaking gRPC."""

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from lading.functions.inference.tensors.conversion import Array
from tests.contracts.wire.test_tritonclient import FACTORS, MINUTE
from tests.contracts.wire.ways import MODELS, Served

FLOATS = np.array([[0.1, -2]], np.float32)


@pytest.fixture
def triton_grpc(grpc_served: Served) -> Iterator[Any]:
    with triton.InferenceServerClient(grpc_served.address) as connected:
        yield connected


def raw_tensor(name: str, array: Array, datatype: str = "FP32") -> Any:
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    return given


def test_grpc_tells_that_server_and_models_are_live_and_ready(triton_grpc: Any) -> None:
    assert triton_grpc.is_server_live()
    assert triton_grpc.is_server_ready()
    assert triton_grpc.is_model_ready("floats", "1")
    assert triton_grpc.get_server_metadata().name == "lading"
    assert {model.name for model in triton_grpc.get_model_repository_index().models} == set(MODELS)


def test_statistics_are_of_one_version_one_model_or_all(triton_grpc: Any) -> None:
    triton_grpc.infer("floats", [raw_tensor("x", FLOATS)])
    every = triton_grpc.get_inference_statistics(as_json=True)["model_stats"]
    assert {each["name"] for each in every} == set(MODELS)
    of_model = triton_grpc.get_inference_statistics("floats").model_stats
    assert {each.name for each in of_model} == {"floats"}
    (one,) = triton_grpc.get_inference_statistics("floats", "1").model_stats
    assert one.inference_count == one.inference_stats.success.count
    assert one.inference_stats.compute_infer.ns <= one.inference_stats.success.ns
    with pytest.raises(InferenceServerException, match="'nobody' is not found"):
        triton_grpc.get_inference_statistics("nobody")


def test_metadata_tells_the_signature(triton_grpc: Any, grpc_served: Served) -> None:
    metadata = triton_grpc.get_model_metadata("floats", as_json=True)
    assert metadata["versions"] == grpc_served.versions
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": ["-1", "2"]}]


@pytest.mark.parametrize(
    ("model", "array", "datatype"),
    [
        ("floats", FLOATS, "FP32"),
        ("halves", FLOATS.astype(np.float16), "FP16"),
        ("integers", np.array([-(2**63), 2**63 - 1]), "INT64"),
        ("flags", np.array([[True, False]]), "BOOL"),
        ("text", np.array(["né".encode(), b""], np.object_), "BYTES"),
        ("scalar", np.array(1.5, np.float32), "FP32"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tensors_of_every_kind_come_back(
    triton_grpc: Any, model: str, array: Array, datatype: str
) -> None:
    answer = triton_grpc.infer(model, [raw_tensor("x", array, datatype)])
    assert np.array_equal(answer.as_numpy("y"), array)


def test_brain_floats_travel_raw(triton_grpc: Any) -> None:
    given = raw_tensor("x", np.array([[1.5, -2.5]], np.float32), "BF16")
    assert triton_grpc.infer("brains", [given]).as_numpy("y").tolist() == [[3.0, -5.0]]


def test_outputs_and_versions_are_chosen(triton_grpc: Any, grpc_served: Served) -> None:
    pair = [raw_tensor(name, np.ones((1, 3), np.float32)) for name in ("a", "b")]
    answer = triton_grpc.infer("simple", pair, outputs=[triton.InferRequestedOutput("sum")])
    assert [output.name for output in answer.get_response().outputs] == ["sum"]
    for version in grpc_served.versions:
        found = triton_grpc.infer("doubled", [raw_tensor("x", FLOATS)], model_version=version)
        assert np.array_equal(found.as_numpy("y"), FACTORS[version] * FLOATS)


def test_what_has_no_effect_is_no_harm_over_grpc_either(triton_grpc: Any) -> None:
    said = {"sequence_id": 7, "sequence_start": True, "priority": 1, "timeout": MINUTE}
    answer = triton_grpc.infer("floats", [raw_tensor("x", FLOATS)], **said)
    assert np.array_equal(answer.as_numpy("y"), FLOATS)


def test_a_stream_answers_each_request_and_goes_on_after_an_error(triton_grpc: Any) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    triton_grpc.start_stream(lambda result, error: answers.put((result, error)))
    for model in ("floats", "nothing", "floats"):
        triton_grpc.async_stream_infer(model, [raw_tensor("x", FLOATS)])
    found = [answers.get(timeout=20) for _ in range(3)]
    triton_grpc.stop_stream()
    assert [error is None for _, error in found] == [True, False, True]
    assert np.array_equal(found[2][0].as_numpy("y"), FLOATS)
    assert "nothing" in str(found[1][1])


def test_errors_have_grpcs_codes(triton_grpc: Any) -> None:
    for model, array, code in (
        ("nothing", FLOATS, "NOT_FOUND"),
        ("floats", np.ones((1, 3), np.float32), "INVALID_ARGUMENT"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            triton_grpc.infer(model, [raw_tensor("x", array)])
        assert caught.value.status() == f"StatusCode.{code}"
