"""`https://…#sha256=<64 hex digits>`: one file, whose digest the address states.

Each redirect must lead to https, too. Nothing identifies the caller: an address with a password is
refused, because models.yaml is committed.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from lading.model_packaging.remote.kind import OnBytes, RemoteKind, Room, SourceUnfetched

if TYPE_CHECKING:
    import httpx

_DIGEST: Final = re.compile(r"sha256=([0-9a-f]{64})")
_MOST_REDIRECTS: Final = 5
_TIMEOUT_S: Final = 60.0


def _resolve(address: str) -> str:
    url, fragment = urldefrag(address)
    if urlsplit(url).username is not None:
        raise SourceUnfetched("https://", "must not contain a password; use an address without")
    found = _DIGEST.fullmatch(fragment)
    if found is None:
        advice = "append the one that its publisher states, or that of `sha256sum` on a copy of it"
        raise SourceUnfetched(address, f"needs #sha256=<64 hex digits> at its end; {advice}")
    return f"sha256:{found[1]}"


def _fetch(address: str, revision: str, folder: Path, on_bytes: OnBytes) -> None:
    url = urldefrag(address)[0]
    digest = hashlib.sha256()
    with _answering(address, url) as reply:
        room = Room(address, folder, on_bytes, int(reply.headers.get("content-length", 0)))
        name = PurePosixPath(unquote(urlsplit(url).path)).name or "model"
        with room.place(name).open("wb") as file:
            for part in reply.iter_raw():
                room.took(len(part))
                digest.update(part)
                file.write(part)
    if f"sha256:{digest.hexdigest()}" != revision:
        reason = f"has the digest sha256:{digest.hexdigest()}, not {revision}; do not use it"
        raise SourceUnfetched(address, reason)


@contextmanager
def _answering(address: str, url: str) -> Iterator["httpx.Response"]:
    """Yield the response with the file; errors of the library become ours."""
    import httpx

    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.Client(timeout=_TIMEOUT_S, headers=headers) as http:
            yield from _followed(http, address, url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"cannot be downloaded: {error or type(error).__name__}"
        raise SourceUnfetched(address, reason) from error


def _followed(http: "httpx.Client", address: str, url: str) -> Iterator["httpx.Response"]:
    """Yield the response after redirects."""
    for _ in range(_MOST_REDIRECTS + 1):
        if urlsplit(url).scheme != "https":
            raise SourceUnfetched(address, "redirects to an address that is not https")
        with http.stream("GET", url) as reply:
            if not reply.has_redirect_location:
                if reply.status_code != HTTPStatus.OK:
                    reason = f"cannot be downloaded: status {reply.status_code}"
                    raise SourceUnfetched(address, reason)
                yield reply
                return
            url = urljoin(url, reply.headers["location"])
    raise SourceUnfetched(address, f"redirects more than {_MOST_REDIRECTS} times")


HTTPS = RemoteKind(
    ("https://",), "https://example.com/model.onnx#sha256=…", resolve=_resolve, fetch=_fetch
)
