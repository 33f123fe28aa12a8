"""AWS's layer that traces a function with OpenTelemetry, added by hand.

The CDK's `adot_instrumentation` attaches the older layers, which run a collector in each
environment. This one sends spans to X-Ray, which the function's role may use anyway. Its versions
and its account differ between regions, so a stage names the layer of each region:
https://aws-otel.github.io/docs/getting-started/lambda.
"""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Stack, Token
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.limits import MEGABYTE
from lading.stacks.errors import StackError

ENVIRONMENT: Final[Mapping[str, str]] = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false",
}
"""What starts it, for traces alone."""


UNPACKED_BYTES: Final = 30 * MEGABYTE
"""About what the layer unpacks to; only an account of AWS can download it.

It is what `lambda-layer/src/Dockerfile` of aws-observability/aws-otel-python-instrumentation puts
into it: the package aws-opentelemetry-distro 0.21.0 with what it requires, without three packages
and urllib3, is 14 MB, and its bytecode for two versions of Python 8 MB each (30 November 2026).
"""


def trace_layer(scope: Construct, layers: Mapping[str, str]) -> lambda_.ILayerVersion | None:
    """Return the layer of the stack's region; None if the stage names no layers.

    Raises:
        StackError: layers are named, but none of this region.
    """
    if not layers:
        return None
    region = Stack.of(scope).region
    if Token.is_unresolved(region) and len(layers) == 1:
        (region,) = layers
    if region not in layers:
        named = ", ".join(layers)
        raise StackError(f"watching.trace_layers names no layer of {region}; it has {named}")
    return lambda_.LayerVersion.from_layer_version_arn(scope, "Traces", layers[region])
