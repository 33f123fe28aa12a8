"""Google's stubs for TensorFlow Serving, unchanged, against every way of speaking gRPC."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.contracts.wire.ways import Served
from tests.support.frameworks import needs

stubs = needs("tensorflow", "tensorflow", "tensorflow_serving")

FLOATS = np.array([[0.1, -2]], np.float32)


@pytest.fixture
def channel(grpc_served: Served) -> Iterator[Any]:
    import grpc

    with grpc.insecure_channel(grpc_served.address) as connected:
        yield connected


@stubs
def test_predict_answers_with_tensors_that_tensorflow_reads(channel: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version.value = "doubled", 1
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(FLOATS))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = stub.Predict(request, timeout=20)
    assert answer.model_spec.version.value == 1
    assert np.array_equal(tf.make_ndarray(answer.outputs["y"]), 2 * FLOATS)


@stubs
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


@stubs
def test_metadata_unpacks_as_the_signature(channel: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "simple"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    packed = stub.GetModelMetadata(request, timeout=20).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(signatures)
    assert set(signatures.signature_def["serving_default"].inputs) == {"a", "b"}


@stubs
def test_status_says_that_the_versions_are_available(channel: Any, grpc_served: Served) -> None:
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "floats"
    found = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=20)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [(str(each.version), each.state) for each in found.model_version_status] == [
        (version, available) for version in reversed(grpc_served.versions)
    ]
