"""The same as teams usually write it: FastAPI with a typed body, predictions in its thread pool."""

import os
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI
from pydantic import BaseModel

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name

app = FastAPI()


class Body(BaseModel):
    """Rows of numbers."""

    inputs: list[Any]


@app.post("/predict")
def predict(body: Body) -> dict[str, list[Any]]:
    """Run the model on the request's rows."""
    outputs = session.run(None, {name: np.array(body.inputs, np.float32)})
    return {"outputs": [np.asarray(output).tolist() for output in outputs]}
