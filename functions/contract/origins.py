"""Origins whose pages may ask from a browser, and the headers that tell it so.

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
        "access-control-allow-headers": "Authorization, *",  # the star is for all others
        "access-control-max-age": "600",
    }
)
"""Headers of the answer to the question that a browser asks first, beside those of `allow`."""

READABLE: Final[Mapping[str, str]] = MappingProxyType({"access-control-expose-headers": "*"})
"""Headers of every other answer, beside those of `allow`."""


def read_origins(text: str) -> tuple[str, ...]:
    """The origins in a setting: `*`, or some between commas; none when it is empty.

    Raises:
        ValueError: one is no origin, which has a scheme, a host and no path.
    """
    origins = tuple(each.strip() for each in text.split(",") if each.strip())
    for origin in origins:
        scheme, separator, host = origin.partition("://")
        good = scheme in ("http", "https") and separator and host and "/" not in host
        if origin != EVERY and not (good and origin.isascii() and origin.isprintable()):
            raise ValueError(f"'{origin[:80]}' is no origin, as https://example.com, and not *")
    return origins


def allow(origin: str | None, origins: Sequence[str]) -> dict[str, str]:
    """The headers that let a page of this origin ask; none if it may not.

    >>> allow("https://a.example", ["https://a.example", "https://b.example"])
    {'access-control-allow-origin': 'https://a.example', 'vary': 'origin'}
    """
    if origin is None:
        return {}
    if EVERY in origins:
        return {ALLOW_ORIGIN: EVERY}
    return {ALLOW_ORIGIN: origin, "vary": "origin"} if origin in origins else {}
