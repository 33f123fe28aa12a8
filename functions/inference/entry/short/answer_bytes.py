"""A whole response as the bytes of HTTP/1.1, head and body together."""

from collections.abc import Sequence
from typing import Final

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE

from lading.functions.inference.wire.messages import JSON, Response

_JSON: Final = b"content-type: application/json\r\ncontent-length: "
_CLOSE: Final = b"\r\nconnection: close\r\n\r\n"


def answer_bytes(
    response: Response, usual: Sequence[tuple[bytes, bytes]], request_id: str, *, keep_alive: bool
) -> bytes:
    """Return what the application and uvicorn send for a response, in the same order.

    Args:
        response: what to send.
        usual: the headers of every response, such as its date.
        request_id: the request's id.
        keep_alive: whether the connection stays open.

    Raises:
        ValueError: a header's value has a control character.
    """
    parts = [STATUS_LINE[response.status]]
    for name, value in usual:
        parts += (name, b": ", value, b"\r\n")
    if response.content_type == JSON and not response.headers:
        parts.append(_JSON)
    else:
        parts += (_lines(response), b"content-length: ")
    body = response.body
    parts += (b"%d\r\nx-request-id: " % len(body), request_id.encode())
    parts += (b"\r\n\r\n" if keep_alive else _CLOSE, body)
    return b"".join(parts)


def _lines(response: Response) -> bytes:
    headers = {"content-type": response.content_type, **response.headers}
    lines = []
    for name, value in headers.items():
        encoded = value.encode("latin-1")
        if HEADER_VALUE_RE.search(encoded):
            raise ValueError(f"the header {name} has a control character")
        lines.append(b"%b: %b\r\n" % (name.encode(), encoded))
    return b"".join(lines)
