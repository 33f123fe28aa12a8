"""SavedModels with signatures of their own, packaged, and asked by name in every way of serving."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.store.local import LocalStore
from tests.contracts.wire.ways import GRPC_WAYS, WAYS, Way
from tests.model_packaging.saved_models import CLASSES, HIDDEN, WIDTH, two_layers
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "tf2onnx", "tensorflow_serving")

X = np.random.default_rng(0).standard_normal((2, WIDTH)).astype(np.float32)
NAMES = {"layers": ["serving_default", "embed", "serve"], "images": ["predict_images"]}
PREDICT = "tensorflow/serving/predict"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    """The models, packaged as a user would."""
    root, served = tmp_path_factory.mktemp("packaged"), []
    for name, signatures in NAMES.items():
        (root / name).mkdir()
        with quiet():
            spec = replace(two_layers(root / name, *signatures), name=name)
            done = package(spec, LocalStore(root), root / "models.lock.json")
        assert done.signatures == tuple(signatures)
        served.append(ServedModel(name, {1: done.digest}, {"stable": 1}))
    return ServingSettings(models=tuple(served), model_root=str(root))


@pytest.fixture(scope="module")
def originals(packaged: ServingSettings) -> Any:
    """What TensorFlow itself answers: `(model, signature)` -> arrays by name."""
    import tensorflow as tf

    answers = {}
    for model, signatures in NAMES.items():
        loaded = tf.saved_model.load(str(Path(packaged.model_root) / model / "saved"))
        for name in signatures:
            answered = loaded.signatures[name](x=tf.constant(X))
            answers[model, name] = {key: each.numpy() for key, each in answered.items()}
    return answers


@pytest.fixture(scope="module", params=WAYS)
def client(request: pytest.FixtureRequest, packaged: ServingSettings) -> Iterator[httpx.Client]:
    way: Way = request.param
    with way(packaged) as address, httpx.Client(base_url=f"http://{address}", timeout=30) as given:
        yield given


@pytest.fixture(scope="module", params=GRPC_WAYS)
def stub(request: pytest.FixtureRequest, packaged: ServingSettings) -> Iterator[Any]:
    """Google's own stub."""
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    way: Way = request.param
    with way(packaged) as address, grpc.insecure_channel(address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def near(found: Any, wanted: Any) -> bool:
    return np.allclose(np.asarray(found, np.float32), wanted, 1e-3, 1e-4)


@pytest.mark.parametrize(
    ("model", "asked", "meant"),
    [
        ("layers", None, "serving_default"),
        ("layers", "", "serving_default"),
        ("layers", "serving_default", "serving_default"),
        ("layers", "serve", "serve"),
        ("layers", "embed", "embed"),
        ("images", None, "predict_images"),
        ("images", "predict_images", "predict_images"),
    ],
)
def test_a_signature_answers_rest_requests_by_its_name(
    client: httpx.Client, originals: Any, model: str, asked: str | None, meant: str
) -> None:
    (wanted,) = originals[model, meant].values()
    named = {} if asked is None else {"signature_name": asked}
    for key, answered in (("instances", "predictions"), ("inputs", "outputs")):
        answer = client.post(f"/v1/models/{model}:predict", json={**named, key: X.tolist()})
        assert answer.status_code == 200, answer.content
        assert near(answer.json()[answered], wanted)


def test_classes_are_those_of_the_signature_that_is_named(
    client: httpx.Client, originals: Any
) -> None:
    for name, output, width in (("embed", "hidden", HIDDEN), ("serve", "scores", CLASSES)):
        document = {"signature_name": name, "examples": [{"x": X[0].tolist()}]}
        answer = client.post("/v1/models/layers:classify", json=document)
        (classes,) = answer.json()["results"]
        assert [label for label, _ in classes] == [str(each) for each in range(width)]
        assert near([score for _, score in classes], originals["layers", name][output][0])


@pytest.mark.parametrize("verb", ["predict", "classify", "regress"])
@pytest.mark.parametrize(("model", "name"), [("layers", "z"), ("images", "serving_default")])
def test_an_unknown_signature_is_refused_in_the_servers_words(
    client: httpx.Client, model: str, name: str, verb: str
) -> None:
    document = {"signature_name": name, "instances": X.tolist(), "examples": [{"x": [1]}]}
    answer = client.post(f"/v1/models/{model}:{verb}", json=document)
    assert answer.status_code == 400
    text = f'Serving signature name: "{name}" not found in signature def'
    assert answer.json()["error"].startswith(text)


def test_metadata_tells_every_signature_by_its_own_name(client: httpx.Client) -> None:
    for model, names in NAMES.items():
        found = client.get(f"/v1/models/{model}/metadata").json()["metadata"]["signature_def"]
        signatures = found["signature_def"]
        assert list(signatures) == names
        assert {each["method_name"] for each in signatures.values()} == {PREDICT}
    embed = client.get("/v1/models/layers/metadata").json()["metadata"]["signature_def"]
    hidden = embed["signature_def"]["embed"]["outputs"]["hidden"]["tensor_shape"]["dim"]
    assert [each["size"] for each in hidden] == ["-1", str(HIDDEN)]


@pytest.mark.parametrize("path", ["/v2/models/layers/infer", "/layers/invocations"])
def test_other_dialects_answer_as_the_default_and_by_a_parameter(
    client: httpx.Client, originals: Any, path: str
) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [2, WIDTH], "data": X.ravel().tolist()}
    for name, output, parameters in (
        ("serving_default", "scores", {}),
        ("embed", "hidden", {"parameters": {"signature_name": "embed"}}),
    ):
        (answer,) = client.post(path, json={**parameters, "inputs": [tensor]}).json()["outputs"]
        assert answer["name"] == output
        assert near(answer["data"], originals["layers", name][output].ravel())
    assert "hidden" not in client.get("/v2/models/layers").text
    plain = client.post("/predict/layers", json={"inputs": X.tolist()}).json()["outputs"]
    assert near(plain["scores"], originals["layers", "serving_default"]["scores"])


def request_of(model: str, signature: str) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(X))
    return request


@pytest.mark.parametrize(
    ("model", "asked", "meant"),
    [
        ("layers", "", "serving_default"),
        ("layers", "serve", "serve"),
        ("layers", "embed", "embed"),
        ("images", "", "predict_images"),
        ("images", "predict_images", "predict_images"),
    ],
)
def test_googles_stub_asks_a_signature_by_its_name(
    stub: Any, originals: Any, model: str, asked: str, meant: str
) -> None:
    import tensorflow as tf

    answer = stub.Predict(request_of(model, asked), timeout=30)
    [(output, wanted)] = originals[model, meant].items()
    assert near(tf.make_ndarray(answer.outputs[output]), wanted)
    assert answer.model_spec.signature_name == meant


def test_googles_stub_is_told_of_every_signature(stub: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    for model, names in NAMES.items():
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = model
        found = get_model_metadata_pb2.SignatureDefMap()
        stub.GetModelMetadata(request, timeout=30).metadata["signature_def"].Unpack(found)
        assert set(found.signature_def) == set(names)
        assert {each.method_name for each in found.signature_def.values()} == {PREDICT}


def test_googles_stub_is_refused_an_unknown_signature(stub: Any) -> None:
    import grpc

    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(request_of("images", "serving_default"), timeout=30)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    text = 'Serving signature name: "serving_default" not found in signature def'
    assert caught.value.details().startswith(text)
