"""One invocation of a model's function."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from lading.functions.contract.errors import (
    AtCapacity,
    InvocationError,
    InvocationFailed,
    InvocationTimedOut,
    NotDeployed,
)
from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.streamed_answer import read_answer

Event = Mapping[str, Any]
Answer = dict[str, Any]
Invoke = Callable[[str, Event], Answer]
"""Model's name, event -> its function's answer; raises InvocationError."""

MOST_AT_ONCE: Final = 16
"""Invocations at the same time."""

_AT_CAPACITY = frozenset(
    {"TooManyRequestsException", "EC2ThrottledException", "SnapStartNotReadyException"}
)


def lambda_invoke(
    functions: Mapping[str, str], alias: str, time_limit_s: float = GATEWAY.answer_timeout_s
) -> Invoke:
    """Invokes the models' functions at `alias`; the client is made when first used.

    Args:
        functions: model -> name of its function.
        alias: the functions' alias.
        time_limit_s: how long to wait for an answer.
    """
    clients: list[Any] = []

    def invoke(model: str, event: Event) -> Answer:
        if not clients:
            clients.append(_client(time_limit_s))
        payload = json.dumps(event, separators=(",", ":")).encode()
        request = {"FunctionName": functions[model], "Qualifier": alias, "Payload": payload}
        return _invoke(clients[0], request, model)

    return invoke


def _client(time_limit_s: float) -> Any:
    from lading.functions.contract.invocation import lambda_client

    return lambda_client(time_limit_s, MOST_AT_ONCE)


def _invoke(client: Any, request: Mapping[str, Any], model: str) -> Answer:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        ReadTimeoutError,
    )

    try:
        response = client.invoke(**request)
        content = response["Payload"].read()
    except (ConnectTimeoutError, ReadTimeoutError) as error:
        raise InvocationTimedOut(model, type(error).__name__) from error
    except ClientError as error:
        raise _refusal(model, error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise InvocationFailed(model, type(error).__name__) from error
    return _read(model, content, failed="FunctionError" in response)


def _refusal(model: str, code: str) -> InvocationError:
    if code == "ResourceNotFoundException":
        return NotDeployed(model, code)
    return AtCapacity(model, code) if code in _AT_CAPACITY else InvocationFailed(model, code)


def _read(model: str, content: bytes, *, failed: bool) -> Answer:
    """Return the function's answer.

    Raises:
        InvocationTimedOut, InvocationFailed: there is none; the function's own log says more.
    """
    try:
        answer = read_answer(content)
    except ValueError as error:
        raise InvocationFailed(model, "its answer is not JSON") from error
    document = answer if isinstance(answer, dict) else {}
    if failed:
        kind = document.get("errorType", "")
        if "Task timed out" in str(document.get("errorMessage", "")):
            raise InvocationTimedOut(model, kind)
        raise InvocationFailed(model, f"it raised {kind}")
    if "statusCode" not in document:
        raise InvocationFailed(model, "its answer has no statusCode")
    return document
