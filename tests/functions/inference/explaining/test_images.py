"""Occlusion of images: pixels in every layout, image files, and the heat map over the image."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.evaluating import Evaluator
from lading.functions.inference.explaining.images import (
    LONGEST_SIDE,
    heat_map,
    occlude,
    open_picture,
)
from lading.functions.inference.lanes.deadline import NEVER
from lading.functions.inference.tensors.conversion import Array
from tests.support.explained import Computed
from tests.support.frameworks import needs

BRIGHT = np.zeros((8, 8, 1), np.float32)
BRIGHT[:4, 4:] = 1.0
"""An image whose upper right quarter is white."""


def corner(images: Array) -> Array:
    """The mean of the upper right quarter, and that of the lower left one."""
    return np.stack([images[:, :4, 4:].mean((1, 2, 3)), images[:, 4:, :4].mean((1, 2, 3))], 1)


@pytest.mark.parametrize("layout", ["first", "last", "none"])
def test_the_patch_that_matters_has_the_value_in_every_layout(layout: str) -> None:
    shapes = {"first": (-1, 1, 8, 8), "last": (-1, 8, 8, 1), "none": (-1, 8, 8)}
    shape = shapes[layout]

    def model(x: Array) -> Array:
        return corner(np.moveaxis(x, 1, -1) if layout == "first" else x.reshape(-1, 8, 8, 1))

    x = BRIGHT.reshape(1, *shape[1:])
    picture = open_picture(x)
    evaluator = Evaluator(Computed(model, TensorSpec("x", "FP32", shape)), "y", NEVER)
    found = occlude(picture, "x", 2, evaluator, lambda answer: int(answer.argmax()))
    assert (found.answer, found.target, evaluator.evaluations) == (1.0, 0, 5)
    assert found.values.tolist() == [[0, 0.75], [0, 0]]  # the mean color is 0.25


def test_an_image_of_fewer_pixels_has_a_patch_for_each() -> None:
    x = np.zeros((1, 3, 2, 3), np.float32)
    evaluator = Evaluator(
        Computed(lambda x: x.reshape(len(x), -1), TensorSpec("x", "FP32", (-1, 3, 2, 3))),
        "y",
        NEVER,
    )
    assert occlude(open_picture(x), "x", 14, evaluator, lambda _: 0).values.shape == (2, 3)


def pixels_of(content: bytes) -> Any:
    from PIL import Image

    with Image.open(BytesIO(content)) as image:
        return np.asarray(image).astype(int)


@needs("processing", "PIL")
def test_the_heat_map_is_red_where_a_patch_speaks_for_the_answer_and_blue_against() -> None:
    picture = open_picture(np.full((1, 8, 8, 3), 100, np.uint8))
    drawn = pixels_of(heat_map(picture, np.array([[1.0, -1.0], [0.0, 0.0]])))
    assert drawn.shape == (256, 256, 3)
    red, blue, plain = drawn[20, 20], drawn[20, 235], drawn[235, 128]
    assert red[0] > 150 > red[2]
    assert blue[2] > 150 > blue[0]
    assert plain.tolist() == [100, 100, 100]


@needs("processing", "PIL")
def test_an_image_without_differences_stays_gray() -> None:
    picture = open_picture(np.random.default_rng(0).normal(size=(1, 3, 4, 4)))
    drawn = pixels_of(heat_map(picture, np.zeros((2, 2))))
    assert (drawn[..., 0] == drawn[..., 1]).all()
    assert (drawn[..., 1] == drawn[..., 2]).all()


@pytest.mark.filterwarnings("error")
@needs("processing", "PIL")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_drawn_as_zero(value: float) -> None:
    pixels = np.full((1, 4, 4, 3), 2.0)
    pixels[0, :2] = value
    pixels[0, 3] = 4.0
    drawn = pixels_of(heat_map(open_picture(pixels), np.zeros((2, 2))))
    assert drawn[10, 10].tolist() == [0, 0, 0]
    assert drawn[-1, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [(1, 3, 0, 4), (1, 0, 0), (1, 4, 0, 3)])
def test_an_image_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    model = Computed(lambda x: np.zeros((len(x), 1)), TensorSpec("x", "FP32", shape))
    with pytest.raises(InvalidInput, match="input 'x' has an image without pixels"):
        occlude(
            open_picture(np.zeros(shape, np.float32)),
            "x",
            14,
            Evaluator(model, "y", NEVER),
            lambda _: 0,
        )


def file_of(pixels: Any, kind: str = "PNG", **options: Any) -> Array:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    array = np.empty(1, np.object_)
    array[0] = buffer.getvalue()
    return array


def decoding(files: Array) -> Array:
    """The mean of the upper right quarter of image files."""
    return np.array([[_quarter(pixels_of(bytes(file)))] for file in files])


def _quarter(pixels: Any) -> float:
    height, width = pixels.shape[:2]
    return float(pixels[: height // 2, width // 2 :].mean())


@needs("processing", "PIL")
def test_image_files_are_occluded_as_files() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, 30:] = 200
    x = file_of(pixels)
    evaluator = Evaluator(Computed(decoding, TensorSpec("x", "BYTES", (-1,))), "y", NEVER)
    found = occlude(open_picture(x), "x", 2, evaluator, lambda _: 0)
    assert found.values.tolist() == [[0.0, 150.0], [0.0, 0.0]]


@needs("processing", "PIL")
def test_a_run_has_no_more_files_than_the_step_reads() -> None:
    counts = []

    def model(files: Array) -> Array:
        counts.append(len(files))
        return np.zeros((len(files), 1))

    x = file_of(np.zeros((20, 20, 3), np.uint8))
    evaluator = Evaluator(Computed(model, TensorSpec("x", "BYTES", (-1,))), "y", NEVER)
    occlude(open_picture(x), "x", 14, evaluator, lambda _: 0)
    assert counts == [1, 64, 64, 64, 4]


@needs("processing", "PIL")
def test_a_large_file_is_explained_in_a_smaller_size_and_upright() -> None:
    from PIL import Image

    wide = np.zeros((600, 1200, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture = open_picture(file_of(wide, "JPEG", exif=exif))
    assert picture.pixels.shape == (LONGEST_SIDE, LONGEST_SIDE // 2, 3)


@needs("processing", "PIL")
@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16", "1", "LA"])
def test_files_of_every_mode_become_colors(mode: str) -> None:
    from PIL import Image

    buffer = BytesIO()
    gray = Image.fromarray(np.full((4, 4), 7, np.uint8))
    (
        gray
        if mode == "L"
        else gray.convert("I").convert(mode)
        if mode == "I;16"
        else gray.convert(mode)
    ).save(buffer, "PNG")
    array = np.empty(1, np.object_)
    array[0] = buffer.getvalue()
    assert open_picture(array).pixels.shape == (4, 4, 3)
