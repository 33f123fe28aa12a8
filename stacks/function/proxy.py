"""What makes a model's function a proxy: which endpoint it asks, and how its answers travel."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws

from lading.functions.contract.names import ADAPTER
from lading.functions.contract.settings import JobsPlace, ServedEndpoint
from lading.stacks.stages.settings import ALIAS, Deployment
from lading.stacks.stages.target import Architecture

WHOLE = "lading.functions.inference.entry.lambda_handler.handler"
"""Handler of a function whose answers are whole."""

_LAYERS: Mapping[Architecture, str] = {
    "x86_64": "LambdaAdapterLayerX86:26",
    "arm64": "LambdaAdapterLayerArm64:26",
}
_AUTHORS = "753240598075"
"""Account of the Lambda Web Adapter's authors, who publish its layer in every region of `aws`."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """How a proxy function is told.

    Args:
        endpoint: what it asks.
        jobs: where long work is kept, if anywhere.
        idempotency_table: where answers are remembered, if anywhere.
        adapter: ARN of the Lambda Web Adapter's layer; None: answers are whole.
        runtime: URL of an emulated SageMaker; empty: AWS's own.
    """

    endpoint: ServedEndpoint
    jobs: JobsPlace | None = None
    idempotency_table: str = ""
    adapter: str | None = None
    runtime: str = ""

    @property
    def handler(self) -> str:
        """The function's entry."""
        return ADAPTER.handler if self.adapter else WHOLE

    @property
    def environment(self) -> dict[str, str]:
        """Variables beside those of the service's settings."""
        adapted = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_READINESS_CHECK_PATH": "/v2/health/live",
            ADAPTER.port: str(ADAPTER.default_port),
            "PYTHONPATH": "/opt/python:/var/task",
        }
        emulated = {
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.runtime,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.runtime,
        }
        return {**(adapted if self.adapter else {}), **(emulated if self.runtime else {})}


def adapter_layer(deployment: Deployment, own: str | None) -> str:
    """ARN of the Lambda Web Adapter's layer: one's own, or its authors'."""
    layer = _LAYERS[deployment.settings.architecture]
    return own or f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{_AUTHORS}:layer:{layer}"


def twin_alias(deployment: Deployment, model: str) -> str:
    """Function and alias of the model that answers while an endpoint wakes."""
    return f"{deployment.names.function(model)}:{ALIAS}"
