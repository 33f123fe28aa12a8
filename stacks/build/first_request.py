"""A check of the build: the built code, alone in an interpreter, answers requests."""

import hashlib
import json
import os
from base64 import b64decode
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from lading.functions.contract.invocation import answer_body, proxy_event
from lading.functions.contract.names import ENVIRONMENT, artifact_folder
from lading.stacks.build.commands import last_line, run
from lading.stacks.errors import CodeDoesNotAnswer

MODEL = b64decode(
    "CAk6NwoOCgF4CgF4EgF5IgNBZGQSAWdaEAoBeBILCgkIARIFCgMSAW5iEAoBeRILCgkIARIFCgMSAW5CBAoAEBE="
)
"""`y = x + x` for any number of floats, as ONNX."""

_NAME = "doubled"
_TENSOR = {"datatype": "FP32", "shape": [-1]}
_VALUES = [1.5, 2.0]
_PREDICTIONS = {
    f"/{_NAME}/predict": {"inputs": {"x": _VALUES}},
    f"/v1/models/{_NAME}:predict": {"inputs": _VALUES},
    f"/v2/models/{_NAME}/infer": {
        "inputs": [{"name": "x", **_TENSOR, "shape": [2], "data": _VALUES}]
    },
}
_PAGES = ("/models", f"/models/{_NAME}/form", "/openapi.json")
"""The first prediction has a known answer; the other requests reach what is imported late."""

_EXPECTED = {"y": [3.0, 4.0]}

_SCRIPT = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from lading.functions.inference.entry.lambda_handler import handler

class Context:
    aws_request_id = function_name = log_stream_name = "build"
    invoked_function_arn = "arn:aws:lambda:build"
    memory_limit_in_mb = 1024

answers = [handler(event, Context()) for event in json.loads(sys.argv[3])]
print()
print(json.dumps(answers))
"""


def answer_first_request(python: Path, layer: Path, functions: Path) -> None:
    """Request predictions and pages from the built code.

    Raises:
        CodeDoesNotAnswer: it cannot be imported, or gives a wrong answer.
    """
    headers = {"content-type": "application/json", "host": "build"}
    requests = [("POST", path, json.dumps(body)) for path, body in _PREDICTIONS.items()]
    requests += [("GET", path, "") for path in _PAGES]
    events = [proxy_event(how, path, headers, body.encode()) for how, path, body in requests]
    with TemporaryDirectory(prefix="lading-model-") as temporary:
        environment = {"PATH": os.defpath, **_write_model(Path(temporary))}
        command = (python, "-I", "-S", "-B", "-c", _SCRIPT, layer, functions)
        finished = run(*command, json.dumps(events), environment=environment)
    if finished.returncode != 0:
        raise CodeDoesNotAnswer(layer, last_line(finished))
    answers = json.loads(finished.stdout.splitlines()[-1])
    for (_, path, _), answer in zip(requests, answers, strict=True):
        if answer["statusCode"] != HTTPStatus.OK:
            reason = f"{path}: {answer['statusCode']} {answer['body'][:200]}"
            raise CodeDoesNotAnswer(layer, reason)
    predicted = answer_body(answers[0])
    if json.loads(predicted).get("outputs") != _EXPECTED:
        raise CodeDoesNotAnswer(layer, f"it predicts {predicted[:200].decode()}")


def _write_model(root: Path) -> dict[str, str]:
    """Write the model as an artifact below `root`; return the variables with which it is served."""
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


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
