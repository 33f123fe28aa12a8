"""HTTP calls of a deployed API, or of a server on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from lading.api.errors import ServerError

HEADERS: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})
"""Headers of a call with JSON; a signature covers them."""

_TIMEOUT_S = 60
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """A server's response of any status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def reason(self) -> str:
        """Return the error text of the service or of the gateway."""
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
        proof: headers that identify the caller; a redirect does not get them.
        headers: the other headers.

    Raises:
        ServerError: there is no response.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ServerError(url, "must be an http or https URL")
    request = Request(url, body, dict(headers))  # noqa: S310 checked
    for header, value in proof.items():
        request.add_unredirected_header(header, value)
    started = perf_counter()
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 checked above
            return _reply(response, started)
    except HTTPError as error:
        with error:
            return _reply(error, started)
    except (URLError, OSError) as error:
        raise ServerError(url, f"cannot be reached: {error}") from error


def _reply(response: Any, started: float) -> ServerAnswer:
    body = bytes(response.read(_MOST_BYTES))
    headers = {name.lower(): value for name, value in response.headers.items()}
    return ServerAnswer(response.status, headers, body, perf_counter() - started)
