"""PNG files, read back by Pillow."""

from io import BytesIO

import numpy as np
import pytest

from lading.functions.inference.explaining.png import to_png
from tests.support.frameworks import needs


@needs("processing", "PIL")
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (4, 2, 3)])
@pytest.mark.parametrize("level", [0, 6])
def test_a_file_has_the_pixels(shape: tuple[int, ...], level: int) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with Image.open(BytesIO(to_png(pixels, level))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), pixels)
