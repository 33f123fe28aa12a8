"""A Lambda function as its callers see it: JSON goes in, JSON comes out."""

from dataclasses import dataclass
from typing import Protocol

from lading.functions.contract.limits import GATEWAY, LAMBDA


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings with which a function is deployed."""

    name: str = "lading"
    memory: int = LAMBDA.processor_mb
    """Megabytes."""
    timeout: float = GATEWAY.timeout_s
    """Seconds; the same as the gateway's limit, so that one limit serves for both."""
    concurrency: int | None = None
    """Requests at once in one environment, on Lambda Managed Instances; None: on Lambda itself."""

    @property
    def arn(self) -> str:
        """The function's ARN, in an account that does not exist."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}"


class Function(Protocol):
    """One execution environment; it handles one request at a time, or several, and others wait."""

    async def start(self) -> None:
        """Prepare for invocations.

        Raises:
            RuntimeUnavailable: the runtime cannot be installed or started.
        """

    async def invoke(self, payload: bytes) -> bytes:
        """Return what the handler returns for one JSON event, as JSON.

        A caller that is canceled while it waits for others has not been invoked.

        Raises:
            FunctionFailed: the handler failed; a broken environment is replaced for the next event.
            FunctionTimedOut: no answer within the limit; the environment is replaced likewise.
        """

    async def stop(self) -> None:
        """End the function and all of its processes."""
