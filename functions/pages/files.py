"""The pages for people, as files: `/ui` and `/ui/{model}`, `/docs`, and what these load.

The pages hold no data. Their scripts ask the API beside them, with the token that its user enters,
and show each answer as text. So anybody may have the files, and the same ones are sent by
`lading serve`, by the container, and by a function of their own in the cloud. Only the standard
library is needed.
"""

import gzip
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

_FOLDER: Final = Path(__file__).parent / "assets"
_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }
)
_COMPRESSED: Final = ".gz"
_PAGES: Final = MappingProxyType({"ui": "ui.html", "docs": "docs.html"})
_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SEE: Final = 307


class Page(NamedTuple):
    """An answer: its status, its headers in lower case, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def find_page(path: str, *, compressed: bool = False) -> Page | None:
    """Return what a path below the root of an API shows; None if that is no page.

    Args:
        path: the path.
        compressed: whether the browser accepts gzip.
    """
    first, *below = path.removeprefix("/").split("/")
    if first not in _PAGES:
        return _docs_of(first, below)
    if below[-1:] == [""]:  # links of pages are relative
        return _see(f"../{[first, *below][-2]}")
    if not below:
        return _html(_PAGES[first], "")
    if first == "ui" and len(below) == 1:
        return _html("ui.html", "../") if _MODEL.fullmatch(below[0]) else None
    if first == "ui" and len(below) == len(("assets", "file")) and below[0] == "assets":
        return _asset(below[1], compressed=compressed)
    return None


def _docs_of(model: str, below: list[str]) -> Page | None:
    """Return the way from `/{model}/docs` to that model's part of `/docs`."""
    if below not in (["docs"], ["docs", ""]) or not _MODEL.fullmatch(model):
        return None
    return _see(f"{'../' * len(below)}docs?model={model}")


def _see(place: str) -> Page:
    return Page(_SEE, {"location": place, "cache-control": "no-cache"})


def _html(name: str, root: str) -> Page:
    """Return a page whose links start with the relative path of the root."""
    text = _content(name).decode().replace("{root}", root).replace("{tag}", _tag())
    return Page(200, {**_headers(name), "cache-control": "no-cache"}, text.encode())


def _asset(name: str, *, compressed: bool) -> Page | None:
    """Return an asset; its links have a tag that changes with it, so browsers may keep it."""
    if name not in _names() or name.endswith(".html"):
        return None
    headers = {**_headers(name), "cache-control": "public, max-age=31536000, immutable"}
    if not (_FOLDER / name).exists():
        headers["vary"] = "accept-encoding"
        packed = (_FOLDER / f"{name}{_COMPRESSED}").read_bytes()
        if compressed:
            return Page(200, {**headers, "content-encoding": "gzip"}, packed)
        return Page(200, headers, gzip.decompress(packed))
    return Page(200, headers, _content(name))


def _headers(name: str) -> dict[str, str]:
    # Swagger UI writes style attributes into what it shows; scripts stay those of this server.
    styles = " 'unsafe-inline'" if name == "docs.html" else ""
    return {
        "content-type": _TYPES[Path(name).suffix],
        "content-security-policy": _POLICY.format(styles=styles),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name.removesuffix(_COMPRESSED) for path in _FOLDER.iterdir())


@cache
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


@cache
def _tag() -> str:
    """Return the start of a digest of all files."""
    contents = (path.name.encode() + path.read_bytes() for path in sorted(_FOLDER.iterdir()))
    return sha256(b"".join(contents)).hexdigest()[:8]
