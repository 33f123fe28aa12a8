"""Images to pixels, by Pillow: from JPEG or PNG files to the array that the graph requires.

Options: `image`, the input, BYTES [images]; `pixels`, the graph's input, and its `datatype`;
`mode`, its channels: RGB, BGR or L; `layout`, channels_first or channels_last; `resize`, [height,
width], or the length of the shorter side, or null; `resample`, Pillow's name of the filter; `crop`,
[height, width] of the center, or null; `scale`, the factor for each value of 0 to 255, and `mean`
and `std`, a number for each channel, which are then subtracted and divided by.

Files are read as by transformers' `load_image`: rotated as their EXIF data says, the first frame of
several, without transparency, 16-bit gray values cut off at 255. With the option `clear`, pixels of
the color that a file declares transparent become white, as in transformers' processors with
`do_convert_rgb`.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from math import nan, prod
from typing import Any

import numpy as np
from PIL import ImageOps
from PIL.Image import Image, Resampling, alpha_composite, new
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from lading.functions.contract.errors import InvalidInput, reason_of
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import DTYPES, Array

MOST_IMAGES = 64
MOST_COUNTED_PIXELS = 1 << 22
"""The largest image whose brightness is counted."""
_COUNTED_SIDE = 64
"""Pixels of the side to which a JPEG is reduced for that, while it is decoded."""
MOST_PIXELS = 1 << 25
"""The limit for all images of a request together, before and after they are resized."""

_READERS = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}
"""First bytes of a file -> its reader; Pillow's other forty readers are never used."""
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd8\xff])")
"""The marker of a JPEG's segment; the excluded bytes have no segment, or are not markers."""
_SCAN, _EXIF, _END = b"\xda", b"\xe1", b"\xd9"
_MOST_SCANS, _MOST_EXIF, _MOST_SEGMENTS, _MOST_PROFILES = 100, 100, 1000, 4
_QUOTED = 8
_CHANNELS = {"channels_first": 0, "channels_last": -1}


class ImageStep(Step):
    """The step; see the module."""

    def __init__(self, options: Mapping[str, Any], _files: Mapping[str, bytes]) -> None:
        self._image, self._pixels = str(options["image"]), str(options["pixels"])
        self._mode, self._axis = str(options["mode"]), _CHANNELS[options["layout"]]
        self._resize, self._crop = options["resize"], options["crop"]
        self._resample = Resampling[str(options["resample"]).upper()]
        self._values, self._clear = _values(options), bool(options.get("clear"))
        if self._crop is None and not isinstance(self._resize, list | tuple):
            raise ValueError("has an image step whose images have several sizes; set crop")
        if len(self._values) != len(self._mode):
            raise ValueError(
                f"has an image step whose mean and std do not match the channels {self._mode}"
            )

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.before`."""
        others = {name: array for name, array in arrays.items() if name != self._image}
        return {**others, self._pixels: self._read(arrays[self._image])}

    def _read(self, contents: Array) -> Array:
        """Return the pixels of each file; all headers are checked before a file is decoded."""
        if not 0 < len(contents) <= MOST_IMAGES:
            reason = f"has {len(contents)} images; send 1 to {MOST_IMAGES} in one request"
            raise InvalidInput(self._image, reason)
        pixels, opened = 0, deque[Image]()
        for row, content in enumerate(contents):
            opened.append(self._opened(row, content))
            size = opened[-1].size
            pixels += max(prod(size), prod(_resized(size, self._resize)))
            if pixels > MOST_PIXELS:
                reason = (
                    f"has {size[0]} x {size[1]} pixels; all images of a request together may have"
                )
                raise self._refusal(row, f"{reason} {MOST_PIXELS}")
        # Each is released once it is converted, so that only one is held decoded.
        return np.stack([self._converted(row, opened.popleft()) for row in range(len(contents))])

    def _opened(self, row: int, content: bytes) -> Image:
        """Open a file, which reads its header."""
        reader = next((_READERS[start] for start in _READERS if content.startswith(start)), None)
        if reader is None:
            found = f"starts with {content[:_QUOTED]!r}" if content else "is empty"
            raise self._refusal(row, f"{found}; send a JPEG or PNG file")
        for count, most, what in _costly(reader, content):
            if count > most:
                raise self._refusal(row, f"has more than {most} {what}")
        with self._reading(row):
            opened: Image = reader(BytesIO(content))
        return opened

    def _converted(self, row: int, image: Image) -> Array:
        """Return an image's pixels, [channels, height, width] or [height, width, channels]."""
        mode = "L" if self._mode == "L" else "RGB"
        with self._reading(row):
            image.load()
            if not self._clear or isinstance(image.info.get("transparency"), bytes):
                image.info.pop("transparency", None)  # Pillow would warn that it drops it
            ImageOps.exif_transpose(image, in_place=True)
            plain = image if image.mode == mode else image.convert(mode)
            if plain.info.get("transparency") is not None:
                plain = _on_white(plain)
        array = np.atleast_3d(np.asarray(self._fitted(plain)))
        if self._mode == "BGR":
            array = array[..., ::-1]
        channels = [value[array[..., index]] for index, value in enumerate(self._values)]
        return np.stack(channels, self._axis)

    def _fitted(self, image: Image) -> Image:
        """Return the image in the size that the graph requires."""
        if self._resize is not None:
            image = image.resize(_resized(image.size, self._resize), self._resample)
        if self._crop is None:
            return image
        height, width = self._crop
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))

    @contextmanager
    def _reading(self, row: int) -> Iterator[None]:
        """Refuse a file that Pillow cannot read."""
        try:
            yield
        except Exception as error:  # a damaged file makes decoders raise almost anything
            reason = f"cannot be read as an image: {reason_of(error)}"
            raise self._refusal(row, reason) from error

    def _refusal(self, row: int, reason: str) -> InvalidInput:
        return InvalidInput(self._image, f"cannot be used: row {row} {reason}")


make = ImageStep


def brightness(file: bytes) -> float:
    """Return the mean gray value of a file, 0 to 255; NaN for one that is large or damaged."""
    reader = next((_READERS[start] for start in _READERS if file.startswith(start)), None)
    if reader is None or any(count > most for count, most, _ in _costly(reader, file)):
        return nan
    try:
        with reader(BytesIO(file)) as image:
            image.draft("L", (_COUNTED_SIDE, _COUNTED_SIDE))
            if prod(image.size) > MOST_COUNTED_PIXELS:
                return nan
            image.load()
            image.info.pop("transparency", None)  # Pillow would warn that it drops it
            return float(np.asarray(image.convert("L")).mean())
    except (OSError, ValueError, SyntaxError):
        return nan


def upright(content: bytes) -> Image:
    """Return the RGB image in a file that a step has accepted, rotated as its EXIF data says."""
    reader = next(_READERS[start] for start in _READERS if content.startswith(start))
    image: Image = reader(BytesIO(content))
    image.load()
    image.info.pop("transparency", None)
    ImageOps.exif_transpose(image, in_place=True)
    return image if image.mode == "RGB" else image.convert("RGB")


def _costly(reader: type[Image], content: bytes) -> tuple[tuple[int, int, str], ...]:
    """Return the parts of a file that are expensive to read: their number, its limit, their name.

    Each scan covers the whole image, each block copies the EXIF data, a profile unpacks to 1 MB,
    and Pillow reads segments one by one.
    """
    if reader is PngImageFile:
        return ((content.count(b"iCCP"), _MOST_PROFILES, "color profiles"),)
    kinds = Counter(islice(_segments(content), _MOST_SEGMENTS + 1))
    return (
        (kinds[_SCAN], _MOST_SCANS, "scans"),
        (kinds[_EXIF], _MOST_EXIF, "blocks of EXIF data"),
        (kinds.total(), _MOST_SEGMENTS, "segments"),
    )


def _segments(content: bytes) -> Iterator[bytes]:
    """Yield the kind of each segment of a JPEG.

    Bytes after its end, such as a phone's video, do not belong to it; readers ignore an end marker
    before the first scan.
    """
    at, scanned = 0, False
    while found := _MARKER.search(content, at):
        kind, at = found[1], found.end()
        if kind == _END and scanned:
            return
        if kind != _END:
            at += int.from_bytes(content[at : at + 2])
        scanned = scanned or kind == _SCAN
        yield kind


def _resized(size: tuple[int, int], resize: Any) -> tuple[int, int]:
    """Width and height after resizing."""
    if resize is None:
        return size
    if not isinstance(resize, int):
        height, width = resize
        return width, height
    short, long = sorted(size)
    length = int(resize * long / short)
    return (resize, length) if size[0] <= size[1] else (length, resize)


def _on_white(image: Image) -> Image:
    """Return the image with white in place of the color that its file declares transparent."""
    seen = image.convert("RGBA")
    return alpha_composite(new(seen.mode, seen.size, "white"), seen).convert(image.mode)


def _values(options: Mapping[str, Any]) -> Array:
    """Return the result for each value of 0 to 255, in each channel: [channels, 256].

    Computed as in transformers, in the same order and precision.
    """
    levels, dtype = np.arange(256), DTYPES[options["datatype"]]
    if dtype.kind != "f":
        return np.tile(levels.astype(dtype), (len(options["mean"]), 1))
    scaled = (levels.astype(np.float64) * float(options["scale"])).astype(np.float32)
    mean, std = (np.array(options[key], np.float32)[:, np.newaxis] for key in ("mean", "std"))
    return ((scaled - mean) / std).astype(dtype)
