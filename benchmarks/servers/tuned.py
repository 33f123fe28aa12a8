"""The fastest that a team would write itself: FastAPI, orjson and onnxruntime, without any check.

There is no log, no metric, and no thread: it predicts in the event loop. `MODEL` is an ONNX file;
with `TOKENIZER`, the file of a tokenizer, requests are texts. `WITHOUT` names what onnxruntime does
not rewrite in the graph.
"""

import os
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson
from fastapi import FastAPI, Request, Response

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(
    os.environ["MODEL"],
    options,
    providers=["CPUExecutionProvider"],
    disabled_optimizers=os.environ.get("WITHOUT", "").split(),
)
names = [each.name for each in session.get_inputs()]

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def answered(outputs: Any) -> Response:
    """Return outputs as JSON."""
    content = orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, media_type="application/json")


if "TOKENIZER" in os.environ:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.environ["TOKENIZER"])
    tokenizer.enable_truncation(int(os.environ["MAX_LENGTH"]))
    tokenizer.enable_padding()

    @app.post("/predict")
    async def predict_texts(request: Request) -> Response:
        """Tokenize the texts, and run the model on them."""
        texts = orjson.loads(await request.body())["inputs"]
        encoded = tokenizer.encode_batch(texts)
        parts = {
            "input_ids": [each.ids for each in encoded],
            "attention_mask": [each.attention_mask for each in encoded],
            "token_type_ids": [each.type_ids for each in encoded],
        }
        return answered(session.run(None, {n: np.array(parts[n], np.int64) for n in names}))

else:

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        """Run the model on rows of numbers."""
        rows = np.array(orjson.loads(await request.body())["inputs"], np.float32)
        return answered(session.run(None, {names[0]: rows}))


@app.post("/v2/models/image/infer")
async def infer(request: Request) -> Response:
    """Run the model on one binary tensor, which the head describes."""
    size = int(request.headers["inference-header-content-length"])
    body = await request.body()
    (tensor,) = orjson.loads(body[:size])["inputs"]
    rows = np.frombuffer(body, np.float32, offset=size).reshape(tensor["shape"])
    return answered(session.run(None, {names[0]: rows}))


@app.get("/ping")
async def ping() -> Response:
    """Answer that the server is alive."""
    return Response(b"", media_type="application/json")
