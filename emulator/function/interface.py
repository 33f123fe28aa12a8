"""A Lambda function as its callers see it: a payload goes in, a payload comes out."""

from dataclasses import dataclass
from typing import Protocol

from lading.functions.contract.limits import GATEWAY, LAMBDA


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a function is deployed with."""

    name: str = "lading"
    memory: int = LAMBDA.processor_mb
    """Megabytes."""
    timeout: float = GATEWAY.timeout_s
    """Seconds; no longer than the gateway waits, so that one limit serves for both."""

    @property
    def arn(self) -> str:
        """Address of the function, in an account that does not exist."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}"


class Function(Protocol):
    """One execution environment; it answers one request at a time, others wait."""

    async def start(self) -> None:
        """Make ready to be invoked.

        Raises:
            RuntimeUnavailable: there is nothing to run it with.
        """

    async def invoke(self, payload: bytes) -> bytes:
        """Answer one JSON event with the JSON of what the handler returned.

        Whoever is canceled while others are answered has not been invoked.

        Raises:
            FunctionFailed: there is no such answer; the next invocation gets a fresh environment
                if this one is spoilt.
            FunctionTimedOut: none in time; the next invocation gets a fresh environment.
        """

    async def stop(self) -> None:
        """End it and whatever it started."""
