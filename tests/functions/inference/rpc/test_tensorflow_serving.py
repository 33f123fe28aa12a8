"""TensorFlow Serving over gRPC: what is answered, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.rpc.messages import message
from tests.support.worlds import add_sub, echo, settings_for, times

PREDICTION = "tensorflow.serving.PredictionService"
PREDICT = f"{PREDICTION}/Predict"
STATUS = "tensorflow.serving.ModelService/GetModelStatus"

Serve = Callable[[ServingSettings], str]
Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def ask(tmp_path: Path, serve: Serve, call: Callable[[str], Ask]) -> Ask:
    models = {"m": {1: times(2), 3: times(4)}, "sums": {1: add_sub()}, "scores": {1: echo()}}
    settings = settings_for(tmp_path, {**models, "value": {1: echo(shape=["n", 1])}})
    first, *rest = settings.models
    labeled = ServedModel(first.name, first.versions, {"stable": 1, "canary": 3})
    return call(serve(ServingSettings((labeled, *rest), settings.model_root)))


def floats(*values: float, shape: tuple[int, ...] = (1, 2)) -> dict[str, Any]:
    return {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": size} for size in shape]},
        "float_val": values,
    }


def spec(name: str = "m", **rest: Any) -> dict[str, Any]:
    return {"name": name, **rest}


def predict(ask: Ask, tensor: dict[str, Any], **rest: Any) -> Any:
    return ask(PREDICT, {"model_spec": spec(**rest), "inputs": {"x": tensor}})


def refusal(ask: Ask, path: str, request: dict[str, Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        ask(path, request)
    return caught.value.code(), caught.value.details()


def test_a_prediction_names_the_version_that_made_it(ask: Ask) -> None:
    answer = predict(ask, floats(0.5, -2))
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("m", 1)
    assert answer.model_spec.signature_name == "serving_default"
    assert [dim.size for dim in answer.outputs["y"].tensor_shape.dim] == [1, 2]
    assert answer.outputs["y"].tensor_content == b"\0\0\x80\x3f\0\0\x80\xc0"


@pytest.mark.parametrize("named", [{"version": {"value": 3}}, {"version_label": "canary"}])
def test_a_version_is_named_by_number_or_label(ask: Ask, named: dict[str, Any]) -> None:
    assert predict(ask, floats(1, 1), **named).model_spec.version.value == 3


def test_an_output_filter_chooses_outputs(ask: Ask) -> None:
    tensors = {name: floats(1, 2, 3, shape=(1, 3)) for name in ("a", "b")}
    request = {"model_spec": spec("sums"), "inputs": tensors, "output_filter": ["sum"]}
    assert list(ask(PREDICT, request).outputs) == ["sum"]


def example(**features: list[float]) -> dict[str, Any]:
    kinds = {name: {"float_list": {"value": values}} for name, values in features.items()}
    return {"features": {"feature": kinds}}


def test_classify_gives_every_class_its_score(ask: Ask) -> None:
    rows = {"example_list": {"examples": [example(x=[0.25, 0.75]), example(x=[1, 0])]}}
    answer = ask(f"{PREDICTION}/Classify", {"model_spec": spec("scores"), "input": rows})
    found = [
        [(each.label, each.score) for each in row.classes] for row in answer.result.classifications
    ]
    assert found == [[("0", 0.25), ("1", 0.75)], [("0", 1), ("1", 0)]]


def test_regress_gives_every_example_its_value_and_context_completes_it(ask: Ask) -> None:
    chosen = {"examples": [example(), example(x=[2])], "context": example(x=[7])}
    rows = {"example_list_with_context": chosen}
    answer = ask(f"{PREDICTION}/Regress", {"model_spec": spec("value"), "input": rows})
    assert [each.value for each in answer.result.regressions] == [7, 2]


def test_metadata_holds_the_packed_signature(ask: Ask) -> None:
    request = {"model_spec": spec(), "metadata_field": ["signature_def"]}
    packed = ask(f"{PREDICTION}/GetModelMetadata", request).metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signatures = message("tensorflow.serving.SignatureDefMap").FromString(packed.value)
    signature = signatures.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict"
    assert [dim.size for dim in signature.inputs["x"].tensor_shape.dim] == [-1, -1]


def test_status_lists_the_versions_newest_first(ask: Ask) -> None:
    found = ask(STATUS, {"model_spec": spec()}).model_version_status
    assert [(each.version, each.state, each.status.error_code) for each in found] == [
        (3, 30, 0),
        (1, 30, 0),
    ]
    (one,) = ask(STATUS, {"model_spec": spec(version={"value": 1})}).model_version_status
    assert one.version == 1


@pytest.mark.parametrize(
    ("path", "request_", "code", "text"),
    [
        (PREDICT, {}, "INVALID_ARGUMENT", "Missing ModelSpec"),
        (PREDICT, {"model_spec": spec("nothing")}, "NOT_FOUND", "nothing"),
        (PREDICT, {"model_spec": spec(version={"value": 9})}, "NOT_FOUND", "9"),
        (PREDICT, {"model_spec": spec(version_label="none")}, "NOT_FOUND", "none"),
        (PREDICT, {"model_spec": spec(signature_name="other")}, "FAILED_PRECONDITION", '"other"'),
        (PREDICT, {"model_spec": spec()}, "INVALID_ARGUMENT", "is missing"),
        (STATUS, {"model_spec": spec("nothing")}, "NOT_FOUND", "nothing"),
        (f"{PREDICTION}/Classify", {"model_spec": spec("scores")}, "INVALID_ARGUMENT", "empty"),
        (f"{PREDICTION}/Classify", {"model_spec": spec("value")}, "INVALID_ARGUMENT", "empty"),
        (f"{PREDICTION}/GetModelMetadata", {"model_spec": spec()}, "INVALID_ARGUMENT", "field"),
    ],
)
def test_what_is_not_served_has_its_own_code(
    ask: Ask, path: str, request_: dict[str, Any], code: str, text: str
) -> None:
    found, said = refusal(ask, path, request_)
    assert (found.name, text in said) == (code, True)
