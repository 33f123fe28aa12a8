"""HTTP/1.1 as the container speaks it: httptools' parser, and a bound on what is no body.

uvicorn's parser in Python bounds the head of a request, and halves what a server can answer
(`benchmarks/throughput.py`). httptools keeps a head of any length, so what it gets is counted here.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""As uvicorn's other parser has it; API Gateway takes 10 KB."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head, or what stands between and after the parts of a body, that does not end."""

    _pending = 0
    """Bytes since the parser gave something away: a whole head, a part of a body, an end."""

    def data_received(self, data: bytes) -> None:
        """Read on, unless too much has come that only the parser has."""
        self._pending += len(data)
        super().data_received(data)
        if self._pending > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Head of the request is too long.")

    def on_headers_complete(self) -> None:
        """All headers are there."""
        self._pending = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is; what follows is another."""
        self._pending = 0
        super().on_message_complete()
