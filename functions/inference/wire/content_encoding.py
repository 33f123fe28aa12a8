"""Compressed bodies of requests and responses: gzip and deflate, as in TensorFlow Serving.

A body is unpacked only up to the limit, so that a decompression bomb needs no more memory than an
ordinary request. https://www.rfc-editor.org/rfc/rfc9110#name-content-codings
"""

import zlib

from lading.functions.contract.errors import MalformedRequest, RequestTooLarge, brief

WORTHWHILE = 1024
"""Bytes from which an answer is compressed; below, the headers cost more than is saved."""

_EITHER = 32 + zlib.MAX_WBITS
"""Lets zlib detect the format by the first bytes, for clients that confuse the names."""
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_FASTEST = 1
_MOST_CHOICES = 16


def unpack(body: bytes, encoding: str, longest: int) -> bytes:
    """Return `body` without its content encoding.

    Raises:
        MalformedRequest: the encoding is unknown, or the body is damaged or has bytes after it.
        RequestTooLarge: it unpacks to more than `longest` bytes.
    """
    codings = [each.strip() for each in encoding.lower().split(",")]
    codings = [each for each in codings if each not in ("identity", "")]
    if not codings:
        return body
    if len(codings) > 1 or codings[0] not in (*_WINDOWS, "x-gzip"):
        raise MalformedRequest(
            f"unsupported content encoding '{brief(encoding)[:20]}'; use gzip, deflate or none"
        )
    inflater = zlib.decompressobj(_EITHER)
    try:
        content = inflater.decompress(body, longest + 1)
    except zlib.error as error:
        raise MalformedRequest(f"the body is not {encoding[:20]}: {error}") from error
    if len(content) > longest:
        raise RequestTooLarge(longest)
    if not inflater.eof or inflater.unused_data:
        raise MalformedRequest(
            f"the body is not {encoding[:20]}: it is truncated, or has bytes after its end"
        )
    return content


def choose(accept_encoding: str) -> str:
    """Return the supported encoding that a caller prefers; empty for none."""
    best, quality = "", 0.0
    for choice in accept_encoding.lower().split(",")[:_MOST_CHOICES]:
        name, _, wish = choice.partition(";")
        liked = _quality(wish)
        if name.strip() in _WINDOWS and liked > quality:
            best, quality = name.strip(), liked
    return best


def pack(body: bytes, encoding: str) -> bytes:
    """Return `body` in an encoding that `choose` returned, compressed quickly."""
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _WINDOWS[encoding])
    return packer.compress(body) + packer.flush()


def _quality(text: str) -> float:
    try:
        return float(text.partition("=")[2]) if text else 1.0
    except ValueError:
        return 0.0
