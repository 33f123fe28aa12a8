"""One exchange with a server over HTTP: of a deployed API, or of a server on this machine.

Redirects are not followed: the API has none, and a signature is valid for one address only.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lading.api.errors import ServerError

if TYPE_CHECKING:
    import httpx

HEADERS: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
"""Headers of a call with JSON; a signature covers them."""

OK: Final = 200
TIMEOUT_S: Final = 60.0
MOST_BYTES: Final = 64 << 20
"""The longest response body that is read, unpacked."""


class Unreached(ServerError):
    """The server could not be reached, or ended the connection before it answered.

    Remedy: check the URL, and that the server runs; `lading serve` prints its address.
    """


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """A server's response of any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def reason(self) -> str:
        """Return the error text of the service or of the gateway."""
        if "location" in self.headers:
            return f"redirects to {self.headers['location']}; use that URL"
        try:
            document = json.loads(self.body)
            return str(document.get("error") or document.get("message"))
        except (ValueError, AttributeError):
            return self.body[:200].decode(errors="replace")


def call(
    url: str, body: bytes | None, proof: Mapping[str, str], headers: Mapping[str, str] = HEADERS
) -> ServerAnswer:
    """Send a POST with `body`, or a GET where it is None, and return the response.

    Args:
        url: the address.
        body: the content; JSON unless `headers` say otherwise.
        proof: headers that identify the caller.
        headers: the other headers.

    Raises:
        ServerError: there is no response.
    """
    return exchange(_shared(), url, body, {**headers, **proof})


def exchange(
    http: "httpx.Client", url: str, body: bytes | None, headers: Mapping[str, str]
) -> ServerAnswer:
    """Do the same with a given pool of connections.

    Raises:
        ServerError: there is no response.
    """
    started = perf_counter()
    with reaching(url), http.stream(method_of(body), url, content=body, headers=headers) as reply:
        content = bytearray()
        for part in reply.iter_bytes():
            grow(url, content, part)
        return answer_of(reply, content, started)


async def exchange_async(
    http: "httpx.AsyncClient", url: str, body: bytes | None, headers: Mapping[str, str]
) -> ServerAnswer:
    """Do the same without blocking.

    Raises:
        ServerError: there is no response.
    """
    started, sent = perf_counter(), {"content": body, "headers": headers}
    with reaching(url):
        async with http.stream(method_of(body), url, **sent) as reply:  # type: ignore[arg-type] # of both
            content = bytearray()
            async for part in reply.aiter_bytes():
                grow(url, content, part)
            return answer_of(reply, content, started)


def method_of(body: bytes | None) -> str:
    """Return the method of a call: GET without a body."""
    return "GET" if body is None else "POST"


def grow(url: str, content: bytearray, part: bytes) -> None:
    """Add a part to a body.

    Raises:
        ServerError: the body exceeds the limit.
    """
    content += part
    if len(content) > MOST_BYTES:
        raise ServerError(url, f"its answer exceeds the limit of {MOST_BYTES >> 20} MiB")


def answer_of(reply: "httpx.Response", content: bytes | bytearray, started: float) -> ServerAnswer:
    """Return a response whose body was read."""
    return ServerAnswer(
        reply.status_code, dict(reply.headers), bytes(content), perf_counter() - started
    )


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Raise the library's errors in this block as ours, with the address.

    Raises:
        Unreached: there was no connection, or it ended.
        ServerError: the URL is not valid, or the answer took too long.
    """
    import httpx

    if urlsplit(url).scheme not in ("http", "https"):
        raise ServerError(url, "must be an http or https URL")
    try:
        yield
    except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout) as error:
        reason = str(error) or type(error).__name__
        raise Unreached(url, f"cannot be reached: {reason}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerError(url, f"cannot be called: {error or type(error).__name__}") from error


def options(timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Return the options of both kinds of pools."""
    from lading.functions.contract.names import VERSION

    return {"timeout": timeout_s, "headers": {"User-Agent": f"lading/{VERSION}"}}


@cache
def _shared() -> "httpx.Client":
    """Return the client of this process: a context of TLS takes long to make.

    It keeps no connection, since nobody closes it.
    """
    import httpx

    return httpx.Client(**options(), limits=httpx.Limits(max_keepalive_connections=0))
