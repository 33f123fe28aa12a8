"""One HTTP exchange with a server on this machine; the response may be streamed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import h11

from lading.emulator.errors import ExchangeBroken

_CHUNK_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 20
_CLOSED = "closed the connection before the response ended"


@dataclass(frozen=True, slots=True)
class Address:
    """The host and port of a server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Reply:
    """A server's response; header names are in lower case."""

    def __init__(self, head: h11.Response, incoming: AsyncIterator[h11.Event]) -> None:
        self.status = head.status_code
        self.headers = {key.decode(): value.decode("latin-1") for key, value in head.headers}
        self._incoming = incoming

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the parts of the body as they arrive.

        Raises:
            ExchangeBroken: the server closes the connection before the body ends.
        """
        async for event in self._incoming:
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            if isinstance(event, h11.EndOfMessage):
                return

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            ExchangeBroken: the server closes the connection before the body ends.
        """
        return b"".join([part async for part in self.parts()])


@contextlib.asynccontextmanager
async def exchange(
    address: Address, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
) -> AsyncIterator[Reply]:
    """Send a request and yield the response; the connection closes on exit.

    Raises:
        ExchangeBroken: the server refuses the connection, or closes it before it answers.
    """
    try:
        reader, writer = await asyncio.open_connection(
            address.host, address.port, limit=_BUFFER_BYTES
        )
    except OSError as error:
        raise ExchangeBroken(str(address), "no server listens there") from error
    try:
        connection = h11.Connection(h11.CLIENT)
        own = {"host": str(address), "content-length": str(len(body)), "connection": "close"}
        request = h11.Request(method=method, target=path, headers=[*{**headers, **own}.items()])
        writer.write(connection.send(request) or b"")
        writer.write(connection.send(h11.Data(body)) or b"")
        connection.send(h11.EndOfMessage())
        incoming = _events(connection, reader, address)
        async for event in incoming:
            if isinstance(event, h11.Response):
                yield Reply(event, incoming)
                return
    finally:
        writer.close()


async def answers_ok(address: Address, path: str, seconds: float) -> bool:
    """Return whether GET `path` answers 200 within `seconds`."""
    with contextlib.suppress(ExchangeBroken, TimeoutError):
        async with asyncio.timeout(seconds), exchange(address, "GET", path, {}) as reply:
            return reply.status == HTTPStatus.OK
    return False


async def _events(
    connection: h11.Connection, reader: asyncio.StreamReader, address: Address
) -> AsyncIterator[h11.Event]:
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK_BYTES))
                continue
        except (OSError, h11.ProtocolError) as error:
            raise ExchangeBroken(str(address), _CLOSED) from error
        if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
            raise ExchangeBroken(str(address), _CLOSED)
        yield event
