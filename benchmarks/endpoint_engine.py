"""The engine behind `endpoint_path.py`: the app that a container runs, and a stream of tokens.

`/invocations` and `/stream` are the engine's own paths, those below `/endpoints` SageMaker's.
"""

import asyncio
import json
import socket
import sys
from pathlib import Path

import onnx
import uvicorn
from onnx import TensorProto, helper

from lading.emulator.sagemaker.event_stream import CONTENT_TYPE, event
from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.specification import SPECIFICATION
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.folder import load_folder
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send

LENGTH = HEADER_LENGTH
SHAPE = (1, 3, 224, 224)
FIRST_S, NEXT_S, TOKENS = 0.02, 0.002, 5

_FINISHED = {"model": "engine", "choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}
_TOKEN = b"data: %b\n\n" % json.dumps(_FINISHED).encode()


def write_models(folder: Path) -> None:
    """The engine's model repository, and the halves of the artifacts that a proxy reads."""
    repository = folder / "repository" / "tensor" / "1"
    repository.mkdir(parents=True)
    (repository / "model.onnx").write_bytes(_mean())
    x = {"name": "x", "datatype": "FP32", "shape": [-1, 3, 224, 224]}
    y = {"name": "y", "datatype": "FP32", "shape": [-1]}
    for name, inputs, outputs in (("tensor", [x], [y]), ("chat", [], [])):
        artifact = folder / "models" / name / "1"
        artifact.mkdir(parents=True)
        document = {
            "format_version": 2,
            "name": name,
            "identity": "",
            "inputs": inputs,
            "outputs": outputs,
            "files": {},
            "engine": {"name": "triton" if inputs else "vllm", "options": {}, "files": {}},
        }
        (artifact / SPECIFICATION).write_text(json.dumps(document))


def _mean() -> bytes:
    """`y = mean(x)` of one channel's corner: the input is sent, almost nothing is computed."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 224, 224])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    starts = helper.make_tensor("starts", TensorProto.INT64, [3], [0, 0, 0])
    ends = helper.make_tensor("ends", TensorProto.INT64, [3], [1, 1, 1])
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3])
    nodes = [
        helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["corner"]),
        helper.make_node("ReduceMean", ["corner"], ["y"], axes=[1, 2, 3], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "mean", [x], [y], [starts, ends, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def create_engine(container: App) -> App:
    """Return the container's application with SageMaker's paths and a stream of tokens."""

    async def engine(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.endswith("stream"):
            await receive()
            await _stream(send, framed=path.startswith("/endpoints"))
            return
        await container({**scope, "path": f"/{path.rpartition('/')[2]}"}, receive, send)

    return engine


async def _stream(send: Send, *, framed: bool) -> None:
    kind = CONTENT_TYPE if framed else "text/event-stream"
    headers = [(b"content-type", kind.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await asyncio.sleep(FIRST_S)
    for _ in range(TOKENS):
        part = event("PayloadPart", _TOKEN) if framed else _TOKEN
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(NEXT_S)
    await send({"type": "http.response.body", "body": b""})


def main(repository: Path) -> None:
    """Print the port, and serve until the process ends."""
    container = create_app(load_folder(repository), lanes=Lanes(LaneLimits(threads=1)))
    app = create_engine(container)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
