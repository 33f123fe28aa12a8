"""Other servers, installed from the registry, each in an environment of its own.

They serve the same ONNX file with the same onnxruntime settings, in the way that their guides show.
One that does not install is a row that says so.
"""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import NamedTuple

from benchmarks.cold_start import SCRATCH
from benchmarks.load import post
from benchmarks.suite.processes import SERVERS, Server
from benchmarks.suite.worlds import World, digit

PINS = {
    "mlserver": ("mlserver==1.7.1", "onnxruntime", "orjson"),
    "litserve": ("litserve==0.2.19", "onnxruntime", "orjson"),
    "bentoml": ("bentoml==1.4.40", "onnxruntime"),
}
INSTALL_S = 400
_MLSERVER = "from mlserver.cli import main; main()"


class Peer(NamedTuple):
    """A server, and the request that it gets for the digit of the small rows."""

    server: Server
    request: bytes


def peers(world: World, body: bytes) -> tuple[list[Peer], dict[str, str]]:
    """Return those that installed, and why the others did not."""
    found, missing = [], {}
    for name in PINS:
        try:
            found.append(_PEERS[name](world, _install(name), body))
        except (subprocess.SubprocessError, OSError) as error:
            missing[name] = f"does not install here: {error}"[:200]
    return found, missing


def _install(name: str) -> str:
    """Return the interpreter of an environment with this server.

    The environment is used by its interpreter alone, so that its folder can be moved.
    """
    home = SCRATCH / "peers" / name
    if not (home / "complete").exists():
        print(f"installing {name}, once ...", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=INSTALL_S)
        pins = [f"{it}=={version(it)}" if "=" not in it else it for it in PINS[name]]
        options = ["install", "-qq", "--disable-pip-version-check", "--only-binary=:all:"]
        pip = [str(home / "bin" / "python"), "-m", "pip", *options, *pins]
        subprocess.run(pip, check=True, timeout=INSTALL_S, capture_output=True)
        (home / "complete").touch()
    return str(home / "bin" / "python")


def _mlserver(world: World, python: str, _body: bytes) -> Peer:
    folder = SCRATCH / "peers" / "mlserver-models"
    (folder / "digits").mkdir(parents=True, exist_ok=True)
    parameters = {"uri": str(world.model)}
    implementation = {"implementation": "mlserver_runtime.OnnxRuntime", "parameters": parameters}
    settings = json.dumps({"name": "digits", **implementation})
    (folder / "digits" / "model-settings.json").write_text(settings)
    environment = {
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{grpc}",
        "MLSERVER_METRICS_PORT": "0",
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_HOST": "127.0.0.1",
        "PYTHONPATH": str(SERVERS),
    }
    command = (python, "-c", _MLSERVER, "start", str(folder))
    tensor = {"name": "X", "shape": [1, 64], "datatype": "FP32", "data": digit()}
    request = post("/v2/models/digits/infer", json.dumps({"inputs": [tensor]}).encode())
    return Peer(Server("mlserver", command, environment, "/v2/models/digits/ready"), request)


def _litserve(world: World, python: str, body: bytes) -> Peer:
    command = (python, str(SERVERS / "litserve_server.py"), "{port}")
    server = Server("litserve", command, {"MODEL": str(world.model)}, "/health")
    return Peer(server, post("/predict", body))


def _bentoml(world: World, python: str, body: bytes) -> Peer:
    options = ("--host", "127.0.0.1", "--port", "{port}", "--working-dir", str(SERVERS))
    command = (python, "-m", "bentoml", "serve", "bentoml_service:Digits", *options)
    environment = {"MODEL": str(world.model), "BENTOML_DO_NOT_TRACK": "True"}
    return Peer(Server("bentoml", command, environment, "/readyz"), post("/predict", body))


_PEERS = {"mlserver": _mlserver, "litserve": _litserve, "bentoml": _bentoml}
