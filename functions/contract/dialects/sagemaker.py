"""SageMaker's contract for containers: `/ping`, `/invocations`, and `/models` for many models.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from lading.functions.contract.dialects.dialect import TENSORS, Dialect, Route
from lading.functions.contract.dialects.open_inference import INFER, INFERRED, refuse

SAGEMAKER = Dialect(
    name="sagemaker",
    prefixes=("/ping", "/invocations"),
    routes=(
        Route(
            "ping",
            "GET",
            "/ping",
            "Whether every model is ready, SageMaker",
            answer={"status": "Healthy"},
            at_root="ping",
        ),
        Route(
            "invoke",
            "POST",
            "/invocations",
            "Infer, SageMaker",
            request=INFER,
            example={"inputs": TENSORS},
            answer=INFERRED,
            at_root="only",
        ),
    ),
    refuse=refuse,
    title="SageMaker",
    asking=("invoke",),
)

MULTI_MODEL = Dialect(
    name="sagemaker",
    prefixes=("/models",),
    routes=(
        Route("load", "POST", "/models"),
        Route("list", "GET", "/models"),
        Route("describe", "GET", "/models/{model}"),
        Route("unload", "DELETE", "/models/{model}"),
        Route("invoke", "POST", "/models/{model}/invoke"),
    ),
    refuse=refuse,
)
"""The multi-model contract, which only a container serves that SageMaker starts for it."""
