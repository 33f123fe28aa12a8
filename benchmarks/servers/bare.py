"""The least that answers predictions over HTTP: uvicorn, orjson, onnxruntime; no check, no log."""

import os
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Run the model on the request's rows, in the event loop."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message.get("more_body", False)
    rows = np.array(orjson.loads(body)["inputs"], np.float32)
    outputs = session.run(None, {name: rows})
    answer = orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
