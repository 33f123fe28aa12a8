"""boto3's stock client of SageMaker, unchanged, against the emulated endpoint of the container."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from lading.emulator.engines.container_process import EngineProcess, service_container
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from tests.contracts.wire.test_every_way import ANSWERS, BODIES
from tests.support.emulator_sagemaker import Served, serving
from tests.support.worlds import echo, settings_for


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("models")
    settings_for(root, {"floats": {1: echo()}})
    engine = EngineProcess("e", service_container(root), root / "engine.log")
    with serving(LocalEndpoint("e", engine)) as served:
        yield served


@pytest.mark.parametrize("accept", ANSWERS)
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_any_type_is_answered_in_the_type_asked_for(
    endpoint: Served, kind: str, accept: str
) -> None:
    answer = endpoint.invoke(BODIES[kind], ContentType=kind, Accept=accept)
    assert ANSWERS[accept] in answer["Body"]
    assert answer["ContentType"] == ("application/json" if accept == "*/*" else accept)


def test_a_numpy_file_is_answered_with_one(endpoint: Served) -> None:
    kind = "application/x-npy"
    answer = endpoint.invoke(BODIES[kind], ContentType=kind, Accept=kind)
    assert np.load(io.BytesIO(answer["Body"])).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[[1,2]]", [[1, 2]]),
        (b'{"instances":[[1,2]]}', {"predictions": [[1, 2]]}),
        (b'{"inputs":[[1,2]]}', {"outputs": [[1, 2]]}),
    ],
)
def test_json_of_other_containers_is_answered_in_kind(
    endpoint: Served, body: bytes, expected: Any
) -> None:
    assert json.loads(endpoint.invoke(body, ContentType="application/json")["Body"]) == expected


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"1,2\n3\n", "text/csv", 400),
        (b"<x/>", "application/xml", 415),
        (b"{", "application/json", 400),
    ],
)
def test_what_is_wrong_is_a_model_error_with_the_containers_own_status(
    endpoint: Served, body: bytes, kind: str, status: int
) -> None:
    with pytest.raises(ClientError) as caught:
        endpoint.invoke(body, ContentType=kind)
    told: dict[str, Any] = {**caught.value.response}
    assert (told["Error"]["Code"], told["OriginalStatusCode"]) == ("ModelError", status)
    assert json.loads(str(told["OriginalMessage"]))["error"]
