"""The build's last step: the built code, alone in an interpreter, answers requests."""

import hashlib
import json
import os
from base64 import b64decode
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lading.functions.contract.names import ENVIRONMENT, artifact_folder
from lading.stacks.build.commands import last_line, run
from lading.stacks.errors import CodeDoesNotAnswer

MODEL = b64decode(
    "CAk6NwoOCgF4CgF4EgF5IgNBZGQSAWdaEAoBeBILCgkIARIFCgMSAW5iEAoBeRILCgkIARIFCgMSAW5CBAoAEBE="
)
"""`y = x + x` for any number of floats, as ONNX."""

_NAME = "doubled"
_TENSOR = {"datatype": "FP32", "shape": [-1]}
_REQUESTS = (
    ("POST", f"/{_NAME}/predict", {"inputs": {"x": [1.5, 2.0]}}),
    ("POST", f"/v1/models/{_NAME}:predict", {"inputs": [1.5, 2.0]}),
    (
        "POST",
        f"/v2/models/{_NAME}/infer",
        {"inputs": [{"name": "x", **_TENSOR, "shape": [2], "data": [1.5, 2.0]}]},
    ),
    *(("GET", path, None) for path in ("/models", "/openapi.json", "/docs")),
)
"""The first is the prediction whose answer is known; the others reach what is imported late."""

_EXPECTED = {"y": [3.0, 4.0]}

_SCRIPT = """
import importlib, json, pkgutil, sys
sys.path[:0] = sys.argv[1:3]
from lading.functions.inference.entry.lambda_handler import handler

class Context:
    aws_request_id = function_name = log_stream_name = "build"
    invoked_function_arn = "arn:aws:lambda:build"
    memory_limit_in_mb = 1024

answers = [handler(event, Context()) for event in json.loads(sys.argv[3])]
from lading.functions.inference import dialects
for module in pkgutil.iter_modules(dialects.__path__, "lading.functions.inference.dialects."):
    importlib.import_module(module.name)
print()
print(json.dumps(answers))
"""


def answer_first_request(python: Path, layer: Path, functions: Path) -> None:
    """Ask the code in `layer` and `functions` for predictions and pages; import every dialect.

    Raises:
        CodeDoesNotAnswer: it cannot be imported, or answers wrongly.
    """
    with TemporaryDirectory(prefix="lading-model-") as temporary:
        environment = {**_system_environment(), **_write_model(Path(temporary))}
        command = (python, "-I", "-S", "-B", "-c", _SCRIPT, layer, functions)
        finished = run(*command, json.dumps(_events()), environment=environment)
    if finished.returncode != 0:
        raise CodeDoesNotAnswer(layer, last_line(finished))
    answers = json.loads(finished.stdout.splitlines()[-1])
    for (_, path, _), answer in zip(_REQUESTS, answers, strict=True):
        if answer["statusCode"] != HTTPStatus.OK:
            reason = f"{path}: {answer['statusCode']} {answer['body'][:200]}"
            raise CodeDoesNotAnswer(layer, reason)
    predicted = answers[0]
    if json.loads(predicted["body"]).get("outputs") != _EXPECTED:
        raise CodeDoesNotAnswer(layer, f"it predicts {predicted['body'][:200]}")


def _system_environment() -> dict[str, str]:
    """What a program needs from its system, without what changes how Python imports."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}


def _write_model(root: Path) -> dict[str, str]:
    """Write the model as an artifact below `root`; the variables that make a function serve it."""
    folder = root / artifact_folder(_NAME, 1)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(MODEL)
    content = json.dumps(
        {
            "format_version": 1,
            "name": _NAME,
            "identity": _sha256(MODEL),
            "inputs": [{"name": "x", **_TENSOR}],
            "outputs": [{"name": "y", **_TENSOR}],
            "files": {"model.onnx": _sha256(MODEL)},
        }
    ).encode()
    (folder / "artifact.json").write_bytes(content)
    served = {_NAME: {"versions": {"1": _sha256(content)}, "labels": {"stable": 1}}}
    return {ENVIRONMENT.models: json.dumps(served), ENVIRONMENT.model_root: str(root)}


def _events() -> list[dict[str, Any]]:
    return [_event(method, path, body) for method, path, body in _REQUESTS]


def _event(method: str, path: str, body: Any) -> dict[str, Any]:
    """What a REST API sends to a function."""
    headers = {"content-type": "application/json", "host": "build"}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/{proxy+}",
            "httpMethod": method,
            "path": path,
            "stage": "build",
            "requestId": "build",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
