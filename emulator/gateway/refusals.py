"""The answers that API Gateway makes itself, to the byte.

Statuses, bodies and `x-amzn-ErrorType` as people have recorded them from live REST APIs; the spaces
in the bodies differ because they do there. Not confirmed by a recording: the status of an oversized
header block (its text is), and the 500 for a body that is not base64 (documented only).
"""

from lading.emulator.errors import EmulatorError, FunctionError, FunctionTimedOut
from lading.functions.contract.limits import GATEWAY, LAMBDA

_JSON = "application/json"
_TEXT = "text; charset=utf-8"  # sic
_INTERNAL = b'{"message": "Internal server error"}'


class GatewayRefusal(EmulatorError):
    """An answer of the gateway's own; `reason` tells the person at the terminal why."""

    def __init__(
        self, status: int, body: bytes, reason: str, error_type: str = "", *, unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.body = body
        self.reason = reason
        self.error_type = error_type
        """Value of `x-amzn-ErrorType`; empty when the answer comes from before the API."""
        self.content_type = _JSON if error_type else _TEXT
        self.unread = unread
        """Whether the client may still be sending the body."""


def headers_too_large(size: int) -> GatewayRefusal:
    """The header block is over the limit."""
    body = f"HTTP header is larger than {GATEWAY.header_bytes} bytes."
    reason = f"headers are {size} bytes, API Gateway takes {GATEWAY.header_bytes}"
    return GatewayRefusal(431, body.encode(), reason, unread=True)


def body_too_large(size: int | None = None) -> GatewayRefusal:
    """The body is over the gateway's limit; `size` when the client announced it."""
    body = f"HTTP content length exceeded {GATEWAY.body_bytes} bytes."
    reason = f"body is over the {_megabytes(GATEWAY.body_bytes)} that API Gateway takes"
    if size:
        reason = f"body is {_sizes(size, GATEWAY.body_bytes, 'API Gateway takes')}"
    return GatewayRefusal(413, body.encode(), reason, unread=True)


def event_too_large(size: int) -> GatewayRefusal:
    """The event, with its body in base64, is over Lambda's limit."""
    body = b'{"message": "Request Too Long"}'
    reason = f"event is {_sizes(size, LAMBDA.request_bytes, 'Lambda takes')}"
    return GatewayRefusal(413, body, reason, "BadRequestException")


def response_too_large(size: int) -> GatewayRefusal:
    """The function's response is over Lambda's limit."""
    return _internal(502, f"response is {_sizes(size, LAMBDA.response_bytes, 'Lambda gives back')}")


def malformed_response(why: str) -> GatewayRefusal:
    """The function's response is not what a proxy integration returns."""
    return _internal(502, f"malformed proxy response: {why}")


def undecodable_body() -> GatewayRefusal:
    """The function's response says base64, and its body is not."""
    return _internal(500, "isBase64Encoded is true, and the body is not base64")


def unanswered(error: FunctionError) -> GatewayRefusal:
    """The function failed, or took too long."""
    if isinstance(error, FunctionTimedOut):
        body = b'{"message": "Endpoint request timed out"}'
        return GatewayRefusal(504, body, str(error), "InternalServerErrorException")
    return _internal(502, f"function failed: {error}")


def _internal(status: int, reason: str) -> GatewayRefusal:
    return GatewayRefusal(status, _INTERNAL, reason, "InternalServerErrorException")


def _sizes(size: int, limit: int, who: str) -> str:
    """In megabytes, or in bytes when that would hide the difference."""
    if _megabytes(size) == _megabytes(limit):
        return f"{size} bytes, {who} {limit}"
    return f"{_megabytes(size)}, {who} {_megabytes(limit)}"


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.2f}".rstrip("0").rstrip(".") + " MB"
