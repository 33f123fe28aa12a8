"""Settings that make a model's function a proxy: its endpoint, and how answers are returned."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws

from lading.functions.contract.names import ADAPTER
from lading.functions.contract.settings import JobsPlace, ServedEndpoint
from lading.stacks.stages.target import Architecture

UNSTREAMED = "lading.functions.inference.entry.lambda_handler.handler"
"""Handler of a function that returns each answer as a whole."""

_LAYERS: Mapping[Architecture, str] = {
    "x86_64": "LambdaAdapterLayerX86:30",
    "arm64": "LambdaAdapterLayerArm64:30",
}
"""Layers of version 1.1.0, the first with hooks for SnapStart.

Source: README.md and CHANGELOG.md of github.com/aws/aws-lambda-web-adapter, release of 2026-09-18.
"""
_PUBLISHER = "753240598075"
"""Account that publishes the layer of the Lambda Web Adapter, in every region of `aws`."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Settings of a proxy function.

    Args:
        endpoint: the endpoint that it invokes.
        jobs: where asynchronous jobs are kept, if there are any.
        idempotency_table: table of answers to repeated requests, if there is one.
        adapter: ARN of the layer of the Lambda Web Adapter; None: answers are not streamed.
        adapter_sha256: SHA-256 of that layer in base64; empty: it is not compared.
        runtime: URL of an emulated SageMaker; empty: AWS's own.
    """

    endpoint: ServedEndpoint
    jobs: JobsPlace | None = None
    idempotency_table: str = ""
    adapter: str | None = None
    adapter_sha256: str = ""
    runtime: str = ""

    @property
    def handler(self) -> str:
        """The function's entry."""
        return ADAPTER.handler if self.adapter else UNSTREAMED

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables in addition to those of the service's settings."""
        adapted = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_READINESS_CHECK_PATH": ADAPTER.ready_path,
            "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH": ADAPTER.before_snapshot_path,
            "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH": ADAPTER.after_restore_path,
            ADAPTER.port: str(ADAPTER.default_port),
            "PYTHONPATH": "/opt/python:/var/task",
        }
        return {**(adapted if self.adapter else {}), **emulated(self.runtime)}


def emulated(runtime: str) -> dict[str, str]:
    """Return the variables of a function that asks an emulated SageMaker; none without a URL."""
    names = ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL_SAGEMAKER")
    return dict.fromkeys(names, runtime) if runtime else {}


def adapter_layer(architecture: Architecture) -> str:
    """Return the ARN of the published layer of the Lambda Web Adapter."""
    layer = _LAYERS[architecture]
    return f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{_PUBLISHER}:layer:{layer}"
