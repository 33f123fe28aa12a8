"""Image files, and options of an image step."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array


def options(**changes: Any) -> dict[str, Any]:
    """Of an image step that gives pixels as they are."""
    return {
        "step": "image",
        "image": "image",
        "pixels": "pixels",
        "datatype": "FP32",
        "mode": "RGB",
        "layout": "channels_first",
        "resize": [4, 6],
        "resample": "nearest",
        "crop": None,
        "scale": 1.0,
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        **changes,
    }


def file(pixels: Any, kind: str = "PNG", **saving: Any) -> bytes:
    """An image file of pixels [height, width] or [height, width, channels], 0 to 255."""
    from PIL import Image

    content = BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(content, kind, **saving)
    return content.getvalue()


def plain(height: int, width: int, color: tuple[int, ...] = (10, 20, 30)) -> Array:
    """Pixels of one color."""
    return np.full((height, width, len(color)), color, np.uint8)


def announced(width: int, height: int) -> bytes:
    """A PNG whose header announces a size, and which holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b""))


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def many_scans(count: int) -> bytes:
    """A small progressive JPEG with its last scan again and again."""
    once = file(plain(16, 16), "JPEG", progressive=True)
    last = once[once.rfind(b"\xff\xda") : -2]
    return once[:-2] + last * count + once[-2:]


def many_exif_blocks(count: int) -> bytes:
    """A small JPEG with this many blocks of EXIF data."""
    once = file(plain(16, 16), "JPEG")
    return once[:2] + b"\xff\xe1\x00\x0aExif\0\0??" * count + once[2:]


def many_profiles(count: int) -> bytes:
    """A small PNG with this many color profiles."""
    once, content = file(plain(16, 16)), b"iCCPsame\0\0" + zlib.compress(bytes(9))
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return once[:33] + chunk * count + once[33:]


def requested(*files: bytes) -> dict[str, Array]:
    """A request with these files."""
    array = np.empty(len(files), np.object_)
    array[:] = files
    return {"image": array}
