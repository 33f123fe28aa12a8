"""Which endpoints of a lock this machine can play, and what stands behind them."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.engine_process import EngineProcess
from emulator.errors import EngineUnavailable
from emulator.language_engine import RunningServer
from emulator.locked_endpoints import locked_endpoints
from emulator.sagemaker_endpoint import LocalEndpoint
from tests.emulator.sagemaker import serving
from tests.stacks.projects import locked, served_by_engine
from tests.worlds import times

LOCAL = {"kind": "local", "path": "store"}


def written(folder: Path, models: dict[str, Any]) -> Path:
    lock = folder / "models.lock.json"
    lock.write_text(json.dumps(models))
    return lock


def engine_file(folder: Path, model: str, name: str, content: bytes) -> None:
    path = folder / "store" / "models" / model / "3" / "engine" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def found(folder: Path, models: dict[str, Any], **servers: str) -> list[LocalEndpoint]:
    lock = written(folder, models)
    return list(
        locked_endpoints(
            models, lock, name_of=lambda name: f"dev-{name}", logs=folder, servers=servers
        )
    )


def test_a_model_that_goes_to_sagemaker_has_an_endpoint_of_its_functions_name(
    tmp_path: Path,
) -> None:
    engine_file(tmp_path, "large", "model/1/model.onnx", times(2.0))
    models = {"large": served_by_engine("large", LOCAL), "small": locked(LOCAL)}
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
    assert found(tmp_path, {"large": {**served_by_engine("large", LOCAL), "labels": {}}}) == []


def test_files_that_no_engine_of_this_machine_serves_are_told_with_the_model(
    tmp_path: Path,
) -> None:
    engine_file(tmp_path, "chat", "weights/model.bin", b"")
    with pytest.raises(EngineUnavailable, match=r"an engine for chat .* nor a language model"):
        found(tmp_path, {"chat": served_by_engine("chat", LOCAL, name="container")})


def test_a_server_that_runs_already_is_asked_instead(tmp_path: Path) -> None:
    models = {"chat": served_by_engine("chat", LOCAL, name="vllm")}
    (endpoint,) = found(tmp_path, models, chat="http://127.0.0.1:9/v1")
    assert isinstance(endpoint.engine, RunningServer)


def test_a_language_model_is_served_by_transformers_from_its_own_folder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    engine_file(tmp_path, "chat", "config.json", b"{}")
    (endpoint,) = found(tmp_path, {"chat": served_by_engine("chat", LOCAL, name="vllm")})
    assert isinstance(endpoint.engine, EngineProcess)
    assert str(tmp_path / "store/models/chat/3/engine") in endpoint.engine.program.command
