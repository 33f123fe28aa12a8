"""The limits of AWS's services, as of November 2026; all code and texts use these constants.

Sources: the quota pages of Lambda, API Gateway, SageMaker, CloudFormation and CloudWatch, and the
service descriptions of their APIs.
"""

from typing import Final

MEGABYTE: Final = 1 << 20


class LAMBDA:
    """Limits of a function."""

    request_bytes: Final = 6 * MEGABYTE
    """The longest event of an invocation whose caller waits for the answer."""
    response_bytes: Final = 6 * MEGABYTE + 100
    """The longest answer; the number is the one that Lambda's own error names."""
    timeout_s: Final = 900
    least_memory_mb: Final = 128
    most_memory_mb: Final = 10_240
    processor_mb: Final = 1_769
    """Memory that comes with one virtual processor."""
    processors: Final = 6
    unpacked_bytes: Final = 250 * MEGABYTE
    """A function's code and all its layers, unpacked."""
    tmp_bytes: Final = 512 * MEGABYTE
    """The folder /tmp of a function, unless it asks for more."""
    layers: Final = 5
    """Layers of one function."""
    code_bytes: Final = 110 * MEGABYTE
    """Part of it that is kept for the runtime layer and the functions' code (about 80 MB now): the
    choice between a layer and S3 must not wait until they are built."""
    artifact_bytes: Final = unpacked_bytes - code_bytes
    """The largest artifact that is deployed as a layer."""
    name_length: Final = 64
    account_concurrency: Final = 1_000
    """Default quota of an account; new accounts have less, and it can be raised."""


class GATEWAY:
    """Limits of a REST API in API Gateway."""

    body_bytes: Final = 10 * MEGABYTE
    header_bytes: Final = 10_240
    timeout_s: Final = 29
    """How long it waits for an answer that is not streamed."""
    requests_a_second: Final = 10_000
    """The quota of an account in a region, with AWS's default."""
    answer_timeout_s: Final = 26
    """Time in which the service answers or reports a timeout, so that this arrives in time."""


class SAGEMAKER:
    """Limits of an endpoint."""

    payload_bytes: Final = 6 * MEGABYTE
    """A request or an answer, by the API's description; the developer guide says 25 MB."""
    inline_bytes: Final = 128_000
    """The longest request that an asynchronous endpoint takes with the call, not from S3."""
    instance_types: Final = 5
    """Instance types of one endpoint: the first choice and those to fall back to."""
    component_name_length: Final = 63
    step_percent: Final = range(5, 51)
    """Share of an endpoint's capacity that one step of a rolling update may replace."""
    alarms: Final = 10
    """Alarms that one update watches."""
    hold_s: Final = GATEWAY.timeout_s - 4
    """The longest time that a request may wait for an endpoint to wake."""


class CLOUDFORMATION:
    """Limits of a stack."""

    name_length: Final = 128
