"""Exchanges with servers that answer, that stream, and that break off."""

import asyncio

import pytest

from lading.emulator.errors import ExchangeBroken
from lading.emulator.processes.http_exchange import Address, answers_ok, exchange


async def answering(content: bytes) -> tuple[Address, asyncio.Server]:
    """A server that answers everything with `content`, and closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    return Address(host, port), server


def received(content: bytes) -> tuple[int, list[bytes]]:
    async def ask() -> tuple[int, list[bytes]]:
        address, server = await answering(content)
        async with server, exchange(address, "POST", "/x", {"X-Own": "1"}, b"{}") as reply:
            return reply.status, [part async for part in reply.parts()]

    return asyncio.run(ask())


def test_a_streamed_response_comes_in_its_parts() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    status, parts = received(head + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert (status, b"".join(parts)) == (200, b"onetwo")


@pytest.mark.parametrize(
    "content",
    [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"],
    ids=["nothing", "no HTTP", "half"],
)
def test_a_response_that_breaks_off_is_an_error(content: bytes) -> None:
    with pytest.raises(ExchangeBroken, match="closed the connection before the response ended"):
        received(content)


@pytest.mark.parametrize(("status", "good"), [(b"200 OK", True), (b"503 Busy", False)])
def test_only_200_counts_as_an_answer(status: bytes, good: bool) -> None:
    async def ask() -> bool:
        address, server = await answering(b"HTTP/1.1 " + status + b"\r\n\r\n")
        async with server:
            return await answers_ok(address, "/ping", 20)

    assert asyncio.run(ask()) is good


def test_where_nothing_listens_there_is_no_exchange() -> None:
    async def ask() -> None:
        async with exchange(Address("127.0.0.1", 1), "GET", "/ping", {}):
            pass

    with pytest.raises(ExchangeBroken, match=r"127\.0\.0\.1:1: no server listens there"):
        asyncio.run(ask())
