"""A model at an endpoint answers as it does in this process, and its engine is not trusted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import (
    InvalidInput,
    ModelUnavailable,
    PredictionFailed,
    UnexpectedOutput,
    Unsupported,
)
from lading.functions.contract.settings import ServedEndpoint, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.endpoint.client import Endpoint
from lading.functions.inference.endpoint.predictor import (
    BINARY,
    EndpointPredictor,
    EngineSteps,
    open_endpoint,
)
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.models.predictor import ModelMetadata, with_signature
from lading.functions.inference.processing.code import CodeStep
from lading.functions.inference.processing.processed import Steps
from lading.functions.inference.tensors.conversion import Array
from tests.support import sagemaker
from tests.support.driver import serve
from tests.support.engines import engine, proxy
from tests.support.sagemaker import answer
from tests.support.worlds import HALF, STRING, add_sub, echo, settings_for

A_AND_B: dict[str, Array] = {
    "a": np.array([[1, 2, 3]], np.float32),
    "b": np.array([[10, 20, 30]], np.float32),
}


def catalog_of(root: Path, model: bytes | None = None) -> Catalog:
    return load_catalog(proxy(root / "proxy", "m", model))


def predictor_of(root: Path, model: bytes | None = None) -> Any:
    return catalog_of(root, model).model("m").predictor(1)


def local(root: Path, model: bytes) -> ServingSettings:
    return settings_for(root / "engine", {"m": {1: model}})


def test_outputs_are_those_of_the_model_in_process(tmp_path: Path) -> None:
    with sagemaker.running(engine(serve(local(tmp_path, add_sub())))):
        predictor = predictor_of(tmp_path, add_sub())
        every, one = predictor.predict(A_AND_B), predictor.predict(A_AND_B, ["difference"])
    assert every["sum"].tolist() == [[11, 22, 33]]
    assert every["difference"].tolist() == [[-9, -18, -27]]
    assert list(one) == ["difference"]


def test_metadata_is_the_artifacts(tmp_path: Path) -> None:
    metadata = predictor_of(tmp_path, add_sub()).metadata
    assert (metadata.name, metadata.version, metadata.platform) == ("m", 1, "onnxruntime_onnx")
    assert [spec.name for spec in metadata.inputs] == ["a", "b"]


def test_every_name_of_its_one_signature_is_answered(tmp_path: Path) -> None:
    endpoint = proxy(tmp_path / "proxy", "m", add_sub()).endpoint
    artifact = read_artifact(tmp_path / "proxy/models/m/1")
    named = artifact._replace(signature="combine", aliases={"merge": "combine"})
    predictor = open_endpoint(named, 1, endpoint)
    assert list(predictor.signatures) == ["combine", "merge"]
    with sagemaker.running(engine(serve(local(tmp_path, add_sub())))):
        answered = with_signature(predictor, "merge").predict(A_AND_B)
    assert answered["sum"].tolist() == [[11, 22, 33]]


@pytest.mark.parametrize(
    ("element", "array"),
    [
        (HALF, np.array([[1.5, -2]], np.float16)),
        (STRING, np.array([[b"one", "zw\u00f6lf".encode()]], object)),
    ],
)
def test_what_json_cannot_carry_goes_both_ways(tmp_path: Path, element: int, array: Array) -> None:
    with sagemaker.running(engine(serve(local(tmp_path, echo(element))))):
        found = predictor_of(tmp_path, echo(element)).predict({"x": array})
    assert found["y"].tolist() == array.tolist()


def test_what_does_not_fit_the_signature_is_never_sent(tmp_path: Path) -> None:
    with sagemaker.running(answer(b"")) as aws:
        predictor = predictor_of(tmp_path, add_sub())
        with pytest.raises(InvalidInput):
            predictor.predict({"a": A_AND_B["a"]})
        with pytest.raises(UnexpectedOutput):
            predictor.predict(A_AND_B, ["product"])
        assert not aws.asked


X, Y_SPEC = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1, 2))
Y: dict[str, Any] = {"name": "y", "datatype": "FP32", "shape": [1, 2]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", BINARY + "0"),
        (b"oops", "text/html"),
        (b"[]", "application/json"),
        (b"{}", BINARY + "2"),
        (b'{"outputs": [{}]}', BINARY + "17"),
        (b'{"outputs": []}', "application/json"),
        (json.dumps({"outputs": [{**Y, "datatype": "FP7", "data": [1, 2]}]}).encode(), ""),
        (json.dumps({"outputs": [{**Y, "shape": "big", "data": [1, 2]}]}).encode(), ""),
        (json.dumps({"outputs": [{**Y, "parameters": {"binary_data_size": 8}}]}).encode(), ""),
        (json.dumps({"outputs": [{**Y, "name": "z", "data": [1, 2]}]}).encode(), ""),
    ],
)
def test_an_answer_that_cannot_be_read_is_the_engines_fault(
    tmp_path: Path, body: bytes, content_type: str
) -> None:
    with sagemaker.running(answer(body, content_type)):
        predictor = predictor_of(tmp_path, echo())
        with pytest.raises(PredictionFailed, match="its engine's answer cannot be read"):
            predictor.predict({"x": np.zeros((1, 2), np.float32)})


def test_an_answer_in_json_is_read_too(tmp_path: Path) -> None:
    body = json.dumps({"outputs": [{**Y, "data": [1, 2]}]}).encode()
    with sagemaker.running(answer(body)):
        found = predictor_of(tmp_path, echo()).predict({"x": np.zeros((1, 2), np.float32)})
    assert found["y"].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("own", "told", "fleet"),
    [("1859", "1859", "1"), ("1859", "77", "other"), ("1859", None, None), ("", "1", None)],
)
def test_an_answer_says_which_fleet_of_the_endpoint_it_is_of(
    own: str, told: str | None, fleet: str | None
) -> None:
    version = {} if told is None else {"model_version": told}
    body = json.dumps({**version, "outputs": [{**Y, "data": [1, 2]}]}).encode()
    metadata = ModelMetadata("m", 1, "triton", (X,), (Y_SPEC,))
    predictor = EndpointPredictor(metadata, Endpoint(ServedEndpoint("e"), "m", 1))
    predictor.number = own
    with sagemaker.running(answer(body)):
        found = predictor.predict({"x": np.zeros((1, 2), np.float32)})
    assert found["y"].tolist() == [[1, 2]]
    assert getattr(found, "fleet", None) == fleet


def test_without_an_endpoint_a_model_of_an_engine_is_not_ready(tmp_path: Path) -> None:
    served = proxy(tmp_path, "m", echo())
    catalog = load_catalog(ServingSettings(models=served.models, model_root=served.model_root))
    with pytest.raises(ModelUnavailable, match="LADING_ENDPOINT does not name its endpoint"):
        catalog.model("m").predictor(1)


def test_a_language_model_takes_no_tensors(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="/v1/chat/completions"):
        predictor_of(tmp_path).predict({})


def test_a_step_that_fails_after_the_engine_is_the_models_fault(tmp_path: Path) -> None:
    metadata = ModelMetadata("m", 1, "triton", (X,), (Y_SPEC,))
    endpoint = Endpoint(ServedEndpoint("e"), "m", 1)
    steps = [CodeStep("own.py", b"def postprocess(arrays):\n    return arrays['absent']\n")]
    predictor = EndpointPredictor(
        metadata, endpoint, EngineSteps(Steps(steps, (X,), (Y_SPEC,)), (Y_SPEC,))
    )
    with (
        sagemaker.running(engine(serve(local(tmp_path, echo())))),
        pytest.raises(PredictionFailed, match="absent"),
    ):
        predictor.predict({"x": np.zeros((1, 2), np.float32)})
