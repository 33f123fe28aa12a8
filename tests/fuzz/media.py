"""What unpacks, opens or splits content: compressed bodies, pictures, texts, events of a stream."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import numpy as np
from PIL import Image

from lading.functions.contract.errors import InferenceError, InvalidInput
from lading.functions.inference.processing.image import MOST_PIXELS, ImageStep
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.content_encoding import unpack
from lading.functions.inference.wire.server_sent_events import read_events
from tests.fuzz.target import Attempt, Target

_LONGEST = 1 << 16


@contextmanager
def _unpacking() -> Iterator[Attempt]:
    def attempt(data: bytes) -> None:
        for encoding in ("gzip", "deflate"):
            with suppress(InferenceError):
                assert len(unpack(data, encoding, _LONGEST)) <= _LONGEST

    yield attempt


def _packed() -> Iterator[bytes]:
    for content in (b"", b"[[1,2]]", bytes(2 * _LONGEST)):
        yield gzip.compress(content, mtime=0)
        yield zlib.compress(content)
    yield gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)


@contextmanager
def _opening_pictures() -> Iterator[Attempt]:
    step = ImageStep(
        {
            "image": "image",
            "pixels": "pixels",
            "datatype": "FP32",
            "mode": "RGB",
            "layout": "channels_first",
            "resize": [8, 8],
            "resample": "BILINEAR",
            "crop": None,
            "scale": 1 / 255,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "clear": True,
        },
        {},
    )

    def attempt(data: bytes) -> None:
        contents: Array = np.empty(1, np.object_)
        contents[0] = data
        try:
            found = step.before({"image": contents})["pixels"]
        except InvalidInput:
            return
        assert found.shape == (1, 3, 8, 8)
        assert np.isfinite(found).all()
        assert found.size < MOST_PIXELS

    yield attempt


def _pictures() -> Iterator[bytes]:
    for mode in ("RGB", "L", "RGBA", "P", "1", "I;16"):
        for kind in ("PNG", "JPEG") if mode in {"RGB", "L"} else ("PNG",):
            file = BytesIO()
            Image.new(mode, (4, 3), 1).save(file, kind)
            yield file.getvalue()


@contextmanager
def _splitting_events() -> Iterator[Attempt]:
    """Events are the same wherever the parts of their stream end."""

    def attempt(data: bytes) -> None:
        if not data:
            return
        size, content = data[0] % 16 + 1, data[1:]
        parts = [content[start : start + size] for start in range(0, len(content), size)]
        assert list(read_events(parts)) == list(read_events([content]))

    yield attempt


UNPACKING = Target("unpacking", _unpacking, _packed)
PICTURES = Target("pictures", _opening_pictures, _pictures)
EVENTS = Target(
    "events",
    _splitting_events,
    lambda: (b'\x05data: {"a": 1}\n\ndata: [DONE]\n\n', b'\x01: comment\r\n{"a":1}\r\n\r\nid: 7\n'),
)
