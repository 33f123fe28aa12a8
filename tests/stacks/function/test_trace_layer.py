"""The layer of OpenTelemetry is that of the stack's region, and missing ones are named."""

import pytest
from aws_cdk import App, Stack

from lading.stacks.errors import StackError
from lading.stacks.function.trace_layer import trace_layer

ARN = "arn:aws:lambda:eu-central-1:615299751070:layer:AWSOpenTelemetryDistroPython:11"
LAYERS = {"eu-central-1": ARN}


def stack(region: str | None) -> Stack:
    return Stack(App(), "stack", env={"region": region} if region else None)


@pytest.mark.parametrize("region", ["eu-central-1", None], ids=["stated", "of-the-profile"])
def test_the_layer_is_that_of_the_region(region: str | None) -> None:
    layer = trace_layer(stack(region), LAYERS)
    assert layer is not None
    assert layer.layer_version_arn == ARN


def test_no_layer_is_added_unless_one_is_named() -> None:
    assert trace_layer(stack("eu-central-1"), {}) is None


def test_a_region_without_a_layer_is_refused() -> None:
    with pytest.raises(StackError, match="no layer of us-east-1; it has eu-central-1"):
        trace_layer(stack("us-east-1"), LAYERS)
