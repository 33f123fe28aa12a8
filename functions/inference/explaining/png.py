"""PNG files from arrays, by zlib alone: 8 bits a channel, gray or RGB.

https://www.w3.org/TR/png-3/: a signature, then chunks of length, type, content and CRC.
"""

import struct
import zlib

import numpy as np

from lading.functions.inference.tensors.conversion import Array

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB = 0, 2
_NO_FILTER = b"\x00"


def to_png(pixels: Array, level: int = 6) -> bytes:
    """Return a PNG file.

    Args:
        pixels: uint8 [height, width] or [height, width, 3].
        level: zlib's level of compression, 0 to 9.
    """
    height, width = pixels.shape[:2]
    kind = _GRAY if pixels.ndim == 2 else _RGB  # noqa: PLR2004 two axes: no channels
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    lines = np.ascontiguousarray(pixels).reshape(height, -1)
    content = b"".join(_NO_FILTER + line.tobytes() for line in lines)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(content, level)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
