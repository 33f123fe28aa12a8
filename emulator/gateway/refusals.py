"""The error responses of API Gateway itself, byte for byte.

Statuses, bodies and `x-amzn-ErrorType` are as people have recorded them from live REST APIs, down
to the different spaces in the bodies. Two are not confirmed by a recording: the status of oversized
headers (their text is), and the 500 for a body that is not base64 (it is documented).
"""

from lading.emulator.errors import EmulatorError, FunctionError, FunctionTimedOut
from lading.functions.contract.limits import GATEWAY, LAMBDA

_JSON = "application/json"
_TEXT = "text; charset=utf-8"  # sic
_INTERNAL = b'{"message": "Internal server error"}'


class GatewayRefusal(EmulatorError):
    """An error response of the gateway itself; `reason` explains it in the emulator's log.

    Remedy: stay within the limits of API Gateway: 10 MB bodies, 29 seconds.
    """

    def __init__(
        self, status: int, body: bytes, reason: str, error_type: str = "", *, unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.body = body
        self.reason = reason
        self.error_type = error_type
        """The value of `x-amzn-ErrorType`; empty for a response from in front of the API."""
        self.content_type = _JSON if error_type else _TEXT
        self.unread = unread
        """Whether the client may still send the body."""


def headers_too_large(size: int) -> GatewayRefusal:
    """Return the response to headers that exceed the limit."""
    body = f"HTTP header is larger than {GATEWAY.header_bytes} bytes."
    reason = f"headers have {size} bytes; API Gateway's limit is {GATEWAY.header_bytes}"
    return GatewayRefusal(431, body.encode(), reason, unread=True)


def body_too_large(size: int | None = None) -> GatewayRefusal:
    """Return the response to a body over the limit; `size` is the announced length, if any."""
    body = f"HTTP content length exceeded {GATEWAY.body_bytes} bytes."
    reason = f"body exceeds API Gateway's limit of {_megabytes(GATEWAY.body_bytes)}"
    if size:
        reason = f"body has {_sizes(size, GATEWAY.body_bytes, 'API Gateway')}"
    return GatewayRefusal(413, body.encode(), reason, unread=True)


def event_too_large(size: int) -> GatewayRefusal:
    """Return the response to an event that, with its body in base64, exceeds Lambda's limit."""
    body = b'{"message": "Request Too Long"}'
    reason = f"event has {_sizes(size, LAMBDA.request_bytes, 'Lambda')}"
    return GatewayRefusal(413, body, reason, "BadRequestException")


def response_too_large(size: int) -> GatewayRefusal:
    """Return the response where the function's own exceeds Lambda's limit."""
    return _internal(502, f"response has {_sizes(size, LAMBDA.response_bytes, 'Lambda')}")


def malformed_response(why: str) -> GatewayRefusal:
    """Return the response where the function's own is not that of a proxy integration."""
    return _internal(502, f"malformed proxy response: {why}")


def undecodable_body() -> GatewayRefusal:
    """Return the response where the function's body should be base64 and is not."""
    return _internal(500, "isBase64Encoded is true, but the body is not base64")


def unanswered(error: FunctionError) -> GatewayRefusal:
    """Return the response where the function failed or timed out."""
    if isinstance(error, FunctionTimedOut):
        body = b'{"message": "Endpoint request timed out"}'
        return GatewayRefusal(504, body, str(error), "InternalServerErrorException")
    return _internal(502, f"function failed: {error}")


def _internal(status: int, reason: str) -> GatewayRefusal:
    return GatewayRefusal(status, _INTERNAL, reason, "InternalServerErrorException")


def _sizes(size: int, limit: int, service: str) -> str:
    """Return a size and its limit in megabytes, or in bytes when that would hide the difference."""
    shown = (_megabytes(size), _megabytes(limit))
    if shown[0] == shown[1]:
        shown = (f"{size} bytes", f"{limit} bytes")
    return f"{shown[0]}; {service}'s limit is {shown[1]}"


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.2f}".rstrip("0").rstrip(".") + " MB"
