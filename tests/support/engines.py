"""Engines behind a `tests.support.sagemaker.SageMaker`, and the artifacts that they serve."""

import json
from pathlib import Path
from typing import Any

from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import SPECIFICATION
from lading.functions.inference.endpoint.predictor import BINARY
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.wire.asgi import App
from tests.support.driver import ask
from tests.support.sagemaker import Asked, Reply, computed, model_error


def write_engine_artifact(root: Path, name: str, model: bytes | None, engine: str) -> str:
    """An artifact at `root/models/<name>/1` whose model lies with an engine; returns its digest."""
    session = OnnxSession(model) if model else None
    tensors = {
        "inputs": [spec.to_json() for spec in session.inputs] if session else [],
        "outputs": [spec.to_json() for spec in session.outputs] if session else [],
    }
    bare: dict[str, Any] = {"options": {}, "environment": {}, "archive": False, "files": {}}
    document = {
        "format_version": 2,
        "name": name,
        "identity": sha256(model or b""),
        **tensors,
        "files": {},
        "engine": {"name": engine, **bare, **(tensors if session else {})},
    }
    folder = root / "models" / name / "1"
    folder.mkdir(parents=True)
    content = json.dumps(document).encode()
    (folder / SPECIFICATION).write_bytes(content)
    return sha256(content)


def proxy(root: Path, name: str, model: bytes | None = None, **endpoint: Any) -> ServingSettings:
    """Settings of a proxy for one model; of a language model when it has no bytes."""
    digest = write_engine_artifact(root, name, model, "triton" if model else "vllm")
    served = ServedModel(name, {1: digest}, {"stable": 1})
    settings = ServedEndpoint("e", **{"time_limit_s": 5, **endpoint})
    return ServingSettings(models=(served,), model_root=str(root), endpoint=settings)


def engine(app: App) -> Reply:
    """An engine that keeps Triton's contract on SageMaker: `app`, asked for its only model."""

    def compute(asked: Asked) -> tuple[bytes, str]:
        size = asked.headers["content-type"].removeprefix(BINARY)
        answer = ask(app, "POST /v2/models/m/infer", asked.body, {HEADER_LENGTH: size})
        assert answer.status == 200, answer.body
        return answer.body, f"{BINARY}{answer.headers[HEADER_LENGTH]}"

    return computed(compute)


def refusing_engine(status: int, text: str) -> Reply:
    return model_error(status, json.dumps({"error": text}))
