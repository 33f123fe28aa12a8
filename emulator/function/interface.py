"""A Lambda function as its callers see it: a payload goes in, a payload comes out."""

from dataclasses import dataclass
from typing import Protocol

MAX_REQUEST_BYTES = 6_291_456
"""What Lambda takes in one synchronous invocation; its error says this number."""

MAX_RESPONSE_BYTES = 6_291_556
"""What Lambda gives back; its error says this one, 100 bytes more."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a function is deployed with."""

    name: str = "lading"
    memory: int = 1769
    """Megabytes; 1769 is one virtual processor."""
    timeout: float = 29.0
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
