"""One invocation of a model's function, and what can go wrong with it.

InvocationError
├── NotDeployed       the function or its alias is not there
├── Busy              no room for one more request just now
├── InvocationTimedOut          no answer within the time that there is
└── Failed            it crashed, or did not answer as a function behind API Gateway must
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.streamed_answer import read_answer

Event = Mapping[str, Any]
Answer = dict[str, Any]
Invoke = Callable[[str, Event], Answer]
"""Function's name, event -> its answer; raises InvocationError."""

MOST_AT_ONCE = 16

_BUSY = frozenset(
    {"TooManyRequestsException", "EC2ThrottledException", "SnapStartNotReadyException"}
)


class InvocationError(Exception):
    """Root of the tree; its text is safe to show to a caller."""

    status = 502
    text = "could not be asked"

    def __init__(self, reason: str) -> None:
        super().__init__(self.text)
        self.reason = reason
        """What happened, for the log."""


class NotDeployed(InvocationError):
    """The function or its alias is not there."""

    status, text = 503, "is not deployed"


class Busy(InvocationError):
    """No room for one more request just now."""

    status, text = 503, "is busy; try again in a moment"


class InvocationTimedOut(InvocationError):
    """No answer within the time that there is."""

    status, text = 504, "did not answer in time"


class Failed(InvocationError):
    """It crashed, or did not answer as a function behind API Gateway must."""

    status, text = 502, "failed to answer"


def lambda_invoke(alias: str, time_limit_s: float = GATEWAY.answer_timeout_s) -> Invoke:
    """Invokes functions at `alias`; the client is made when first used."""
    clients: list[Any] = []

    def invoke(function: str, event: Event) -> Answer:
        if not clients:
            clients.append(_client(time_limit_s))
        return _invoke(clients[0], function, alias, event)

    return invoke


def _client(time_limit_s: float) -> Any:
    import boto3
    from botocore.config import Config

    patience = Config(
        connect_timeout=2,
        read_timeout=time_limit_s,
        retries={"total_max_attempts": 1},  # a prediction asked for twice costs twice
        max_pool_connections=MOST_AT_ONCE,
    )
    return boto3.client("lambda", config=patience)


def _invoke(client: Any, function: str, alias: str, event: Event) -> Answer:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        ReadTimeoutError,
    )

    payload = json.dumps(event, separators=(",", ":")).encode()
    try:
        response = client.invoke(FunctionName=function, Qualifier=alias, Payload=payload)
        content = response["Payload"].read()
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise InvocationTimedOut(type(error).__name__) from error
    except ClientError as error:
        raise _refusal(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise Failed(type(error).__name__) from error
    return _read(content, failed="FunctionError" in response)


def _refusal(code: str) -> InvocationError:
    if code == "ResourceNotFoundException":
        return NotDeployed(code)
    return Busy(code) if code in _BUSY else Failed(code)


def _read(content: bytes, *, failed: bool) -> Answer:
    """The function's answer.

    Raises:
        InvocationTimedOut, Failed: it is none; the log of the function itself says more.
    """
    try:
        answer = read_answer(content)
    except ValueError as error:
        raise Failed("its answer is not JSON") from error
    if failed:
        kind = answer.get("errorType", "") if isinstance(answer, dict) else ""
        message = str(answer.get("errorMessage", "")) if isinstance(answer, dict) else ""
        raise (
            InvocationTimedOut(kind) if "Task timed out" in message else Failed(f"it raised {kind}")
        )
    if not isinstance(answer, dict) or "statusCode" not in answer:
        raise Failed("its answer has no statusCode")
    return answer
