"""Images for comparing an image step with the original, chosen where readers differ."""

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np

_SIDES = ((427, 640), (64, 64), (1, 1), (2, 3), (17, 301), (255, 31), (1200, 900))
"""Heights and widths: an ordinary one first, then small, tiny, narrow, odd and large."""
_ORIENTATION = 0x0112


@cache
def groups() -> dict[str, dict[str, bytes]]:
    """Return JPEG and PNG files, grouped by their property; the same at each call."""
    return {
        "images of many sizes": _of_many_sizes(),
        "images of other modes": _of_many_modes(),
        "images turned by EXIF": _of_many_turns(),
        "images of other encodings": _of_many_forms(),
    }


def images() -> dict[str, bytes]:
    """Return all images, by their property."""
    return {name: file for group in groups().values() for name, file in group.items()}


def _of_many_sizes() -> dict[str, bytes]:
    return {
        f"{kind}, {width} x {height}": _file(_drawn(height, width), kind)
        for kind in ("JPEG", "PNG")
        for height, width in _SIDES
    }


def _of_many_modes() -> dict[str, bytes]:
    image = _drawn(61, 90)
    modes = {f"PNG, {mode}": _file(image.convert(mode), "PNG") for mode in ("1", "L", "LA", "RGBA")}
    palette = image.quantize(32)
    few, gray = palette.convert("RGB"), palette.convert("L")
    clear = bytes(range(0, 256, 8))
    return {
        **modes,
        "PNG, 16 bits": _file(_of_16_bits(), "PNG"),
        "PNG, palette": _file(palette, "PNG"),
        "PNG, palette of two colors": _file(image.quantize(2), "PNG"),
        "PNG, palette with a clear color": _file(palette, "PNG", transparency=3),
        "PNG, palette, half transparent": _file(palette, "PNG", transparency=clear),
        "PNG, RGB with a clear color": _file(few, "PNG", transparency=few.getpixel((5, 5))),
        "PNG, gray with a clear color": _file(gray, "PNG", transparency=gray.getpixel((5, 5))),
        "JPEG, gray": _file(image.convert("L"), "JPEG"),
        "JPEG, CMYK": _file(image.convert("CMYK"), "JPEG"),
    }


def _of_many_turns() -> dict[str, bytes]:
    from PIL import Image

    found = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[_ORIENTATION] = orientation
        for kind in ("JPEG", "PNG"):
            name = f"{kind}, EXIF orientation {orientation}"
            found[name] = _file(_drawn(40, 70), kind, exif=exif)
    return found


def _of_many_forms() -> dict[str, bytes]:
    image = _drawn(131, 177)
    frames = [_drawn(131, 177, seed) for seed in (1, 2)]
    return {
        "JPEG, progressive": _file(image, "JPEG", progressive=True),
        "JPEG, rough": _file(image, "JPEG", quality=5),
        "JPEG, without subsampling": _file(image, "JPEG", quality=95, subsampling=0),
        "JPEG, with restarts": _file(image, "JPEG", restart_marker_rows=1),
        "PNG, animated": _file(image, "PNG", save_all=True, append_images=frames),
    }


def _drawn(height: int, width: int, seed: int = 0) -> Any:
    """Draw slopes, edges and noise, as a Pillow image in RGB."""
    from PIL import Image

    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    edges = 120 * ((np.floor(rows * 9) + np.floor(columns * 7)) % 2)
    colors = np.stack([255 * rows, 255 * columns, edges], axis=-1)
    noisy = colors + generator.normal(0, 12, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _of_16_bits() -> Any:
    from PIL import Image

    return Image.fromarray((3 * np.arange(1500)).astype(np.uint16).reshape(30, 50))


def _file(image: Any, kind: str, **options: Any) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()
