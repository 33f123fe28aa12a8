"""Compressed bodies, both ways: gzip and deflate, as Triton and TensorFlow Serving take them.

A body is unpacked no further than to the longest that is taken, so that a bomb costs no more memory
than an honest request. https://www.rfc-editor.org/rfc/rfc9110#name-content-codings
"""

import zlib

from lading.functions.contract.errors import MalformedRequest, RequestTooLarge, brief

WORTHWHILE = 1024
"""Bytes from which an answer is compressed: below, the headers outweigh what is saved."""

_EITHER = 32 + zlib.MAX_WBITS
"""zlib tells the two formats apart by their first bytes, for clients that mix up their names."""
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_FASTEST = 1
_MOST_CHOICES = 16


def unpack(body: bytes, encoding: str, longest: int) -> bytes:
    """`body` without its content encoding.

    Raises:
        MalformedRequest: the encoding is unknown, or the body is damaged or goes on behind it.
        RequestTooLarge: it unpacks to more than `longest` bytes.
    """
    codings = [each.strip() for each in encoding.lower().split(",")]
    codings = [each for each in codings if each not in ("identity", "")]
    if not codings:
        return body
    if len(codings) > 1 or codings[0] not in (*_WINDOWS, "x-gzip"):
        raise MalformedRequest(
            f"the body is {brief(encoding)[:20]}-encoded; send it as it is, or with gzip or deflate"
        )
    inflater = zlib.decompressobj(_EITHER)
    try:
        content = inflater.decompress(body, longest + 1)
    except zlib.error as error:
        raise MalformedRequest(f"the body is not {encoding[:20]}: {error}") from error
    if len(content) > longest:
        raise RequestTooLarge(longest)
    if not inflater.eof or inflater.unused_data:
        raise MalformedRequest(f"the body is not {encoding[:20]}: it is cut off, or goes on")
    return content


def choose(accept_encoding: str) -> str:
    """The encoding that a caller likes best of those that are offered; empty for none."""
    best, quality = "", 0.0
    for choice in accept_encoding.lower().split(",")[:_MOST_CHOICES]:
        name, _, wish = choice.partition(";")
        liked = _quality(wish)
        if name.strip() in _WINDOWS and liked > quality:
            best, quality = name.strip(), liked
    return best


def pack(body: bytes, encoding: str) -> bytes:
    """`body` in an encoding that `choose` gave, quickly rather than tightly."""
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _WINDOWS[encoding])
    return packer.compress(body) + packer.flush()


def _quality(text: str) -> float:
    try:
        return float(text.partition("=")[2]) if text else 1.0
    except ValueError:
        return 0.0
