"""Which endpoints of a lock this machine can play, and what stands behind them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.engines.language import RunningServer
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.errors import EngineUnavailable
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.emulator.sagemaker.locked_endpoints import locked_endpoints
from tests.stacks.projects import locked, served_by_engine
from tests.support.emulator_sagemaker import serving
from tests.support.worlds import times

LOCAL = {"kind": "local", "path": "store"}


def written(folder: Path, models: dict[str, Any]) -> Path:
    lock = folder / "models.lock.json"
    lock.write_text(json.dumps(models))
    return lock


def engine_file(folder: Path, model: str, name: str, content: bytes) -> None:
    path = folder / "store" / "models" / model / "3" / "engine" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def found(folder: Path, models: dict[str, Any], server: str = "") -> list[LocalEndpoint]:
    room = LocalEngines(folder, folder / "scratch", server=server)
    lock = written(folder, models)
    return list(locked_endpoints(models, lock, room, lambda name: f"dev-{name}"))


def test_a_model_that_goes_to_sagemaker_has_an_endpoint_of_its_functions_name(
    tmp_path: Path,
) -> None:
    engine_file(tmp_path, "large", "model/1/model.onnx", times(2.0))
    models = {"large": served_by_engine("large", LOCAL, name="container"), "small": locked(LOCAL)}
    (endpoint,) = found(tmp_path, models)
    assert endpoint.name == "dev-large"
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [4]}
    with serving(endpoint) as served:
        answer = served.client.invoke_endpoint(
            EndpointName="dev-large",
            ContentType="application/json",
            Body=json.dumps({"inputs": [tensor]}).encode(),
        )
        (output,) = json.loads(answer["Body"].read())["outputs"]
    assert output["data"] == [8.0]


def test_a_model_without_a_stable_version_has_none(tmp_path: Path) -> None:
    assert (
        found(
            tmp_path,
            {"large": {**served_by_engine("large", LOCAL, name="container"), "labels": {}}},
        )
        == []
    )


def test_an_engine_that_this_machine_lacks_is_told_with_its_endpoint(tmp_path: Path) -> None:
    engine_file(tmp_path, "own", "weights/model.bin", b"")
    with pytest.raises(EngineUnavailable, match="the image of endpoint dev-own"):
        found(tmp_path, {"own": served_by_engine("own", LOCAL, name="container")})


def test_a_server_that_runs_already_is_asked_instead(tmp_path: Path) -> None:
    models = {"chat": served_by_engine("chat", LOCAL, name="vllm")}
    (endpoint,) = found(tmp_path, models, "http://127.0.0.1:9/v1")
    assert isinstance(endpoint.engine, RunningServer)
