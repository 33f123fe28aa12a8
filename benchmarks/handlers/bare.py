"""The least that answers predictions on Lambda: onnxruntime and json, no checks, no log."""

import base64
import json
import os
from typing import Any

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 Lambda's shape
    """Answer one API Gateway proxy event."""
    rows = np.array(json.loads(base64.b64decode(event["body"]))["inputs"], np.float32)
    outputs = session.run(None, {name: rows})
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"outputs": [np.asarray(output).tolist() for output in outputs]}),
    }
