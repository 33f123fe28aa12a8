"""The same within what teams usually put around it: Mangum, Starlette, Powertools."""

import os
from typing import Any

import numpy as np
import onnxruntime as ort
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from mangum import Mangum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

logger = Logger(service="benchmark")
metrics = Metrics(namespace="Benchmark", service="benchmark")

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name


async def predict(request: Request) -> JSONResponse:
    """Run the model on the request's rows."""
    rows = np.array((await request.json())["inputs"], np.float32)
    outputs = session.run(None, {name: rows})
    logger.info("request", extra={"rows": len(rows)})
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    return JSONResponse({"outputs": [np.asarray(output).tolist() for output in outputs]})


adapter = Mangum(
    Starlette(routes=[Route("/digits/predict", predict, methods=["POST"])]), lifespan="off"
)


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one API Gateway proxy event."""
    answer: dict[str, Any] = adapter(event, context)
    return answer
