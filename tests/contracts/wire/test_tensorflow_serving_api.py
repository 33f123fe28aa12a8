"""Google's stubs for TensorFlow Serving, unchanged, against the gRPC server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from functions.inference.catalog import load_catalog
from functions.inference.observability import Observability
from functions.inference.rpc.server import create_server
from tests.contracts.wire.test_tritonclient import MODELS
from tests.frameworks import needs
from tests.worlds import settings_for

pytestmark = needs("tensorflow", "tensorflow", "tensorflow_serving")

FLOATS = np.array([[0.1, -2]], np.float32)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import grpc

    settings = settings_for(tmp_path_factory.mktemp("store"), MODELS)
    with ThreadPoolExecutor(2) as threads:
        server = create_server(load_catalog(settings), Observability(settings), threads, 1 << 24)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as connected:
            yield connected
        server.stop(0).wait()


def test_predict_answers_with_tensors_that_tensorflow_reads(channel: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version.value = "doubled", 2
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(FLOATS))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = stub.Predict(request, timeout=20)
    assert answer.model_spec.version.value == 2
    assert np.array_equal(tf.make_ndarray(answer.outputs["y"]), 4 * FLOATS)


def test_repeated_elements_and_strings_are_read_as_tensorflow_writes_them(channel: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    ones = tf.make_tensor_proto(1.0, shape=[3, 2])
    text = tf.make_tensor_proto(["né", ""])
    for model, sent in (("floats", ones), ("text", text)):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.inputs["x"].CopyFrom(sent)
        found = tf.make_ndarray(stub.Predict(request, timeout=20).outputs["y"])
        assert np.array_equal(found, tf.make_ndarray(sent))


def test_metadata_unpacks_as_the_signature(channel: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "simple"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    packed = stub.GetModelMetadata(request, timeout=20).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(signatures)
    assert set(signatures.signature_def["serving_default"].inputs) == {"a", "b"}


def test_status_says_that_the_versions_are_available(channel: Any) -> None:
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "floats"
    found = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=20)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(each.version, each.state) for each in found.model_version_status] == [
        (2, available),
        (1, available),
    ]
