"""Origins whose pages may call the service from a browser, and the headers for the browser.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

EVERY: Final = "*"

ALLOW_ORIGIN: Final = "access-control-allow-origin"

PREFLIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access-control-allow-methods": "GET, HEAD, POST, PUT",
        "access-control-allow-headers": "Authorization, *",  # the star stands for all others
        "access-control-max-age": "600",
    }
)
"""Headers of the answer to a preflight request, with those of `allow`."""

READABLE: Final[Mapping[str, str]] = MappingProxyType({"access-control-expose-headers": "*"})
"""Headers of every other answer, with those of `allow`."""


def read_origins(text: str) -> tuple[str, ...]:
    """Read the origins in a setting: `*`, or origins separated by commas; empty for none.

    Raises:
        ValueError: an entry is not a scheme and a host without a path.
    """
    origins = tuple(each.strip() for each in text.split(",") if each.strip())
    for origin in origins:
        scheme, separator, host = origin.partition("://")
        good = scheme in ("http", "https") and separator and host and "/" not in host
        if origin != EVERY and not (good and origin.isascii() and origin.isprintable()):
            raise ValueError(
                f"'{origin[:80]}' is not an origin; use '*' or origins such as https://example.com"
            )
    return origins


def allow(origin: str | None, origins: Sequence[str]) -> dict[str, str]:
    """Return the headers that allow a page of this origin to call; none if it may not.

    >>> allow("https://a.example", ["https://a.example", "https://b.example"])
    {'access-control-allow-origin': 'https://a.example', 'vary': 'origin'}
    """
    if origin is None:
        return {}
    if EVERY in origins:
        return {ALLOW_ORIGIN: EVERY}
    return {ALLOW_ORIGIN: origin, "vary": "origin"} if origin in origins else {}
