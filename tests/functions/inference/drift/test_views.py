from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lading.functions.inference.drift.views import VIEWS, joined
from lading.functions.inference.processing.image import MOST_COUNTED_PIXELS


def texts(*contents: bytes) -> Any:
    array = np.empty(len(contents), np.object_)
    array[:] = contents
    return array


def image(level: int, size: tuple[int, int] = (40, 30), form: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("L", size, level).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("view", "array", "numbers"),
    [
        ("columns", np.array([[1, 2], [3, 4]], np.int32), [[1, 2], [3, 4]]),
        ("columns", np.array([True, False]), [[1], [0]]),
        ("mean", np.arange(12, dtype=np.float32).reshape(2, 2, 3), [[2.5], [8.5]]),
        ("brightness", np.full((1, 3, 4, 4), 7, np.uint8), [[7]]),
        ("largest", np.array([[0.1, 0.9], [0.6, 0.4]]), [[0.9], [0.6]]),
        ("size", np.zeros((2, 5), np.int64), [[5], [5]]),
        ("length", texts(b"four", b"seven"), [[4], [5]]),
    ],
)
def test_a_view_gives_numbers_for_each_row(view: str, array: Any, numbers: list[Any]) -> None:
    found = VIEWS[view](array)
    assert found.dtype.kind == "f"
    assert found.tolist() == numbers


@pytest.mark.parametrize("view", ["mean", "largest"])
def test_rows_without_numbers_are_missing(view: str) -> None:
    assert np.isnan(VIEWS[view](np.zeros((2, 0), np.float32))).tolist() == [[True], [True]]


def test_an_empty_text_is_missing() -> None:
    assert np.isnan(VIEWS["length"](texts(b"", b"a"))).tolist() == [[True], [False]]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_the_brightness_of_a_file_is_that_of_its_pixels(form: str) -> None:
    found = VIEWS["picture"](texts(image(200, form=form), image(30, form=form)))
    assert np.abs(found - [[200], [30]]).max() < 2


def test_a_file_that_is_no_image_or_too_large_a_png_is_missing() -> None:
    large = image(9, (MOST_COUNTED_PIXELS // 1024 + 1, 1024))
    assert np.isnan(VIEWS["picture"](texts(b"text", b"", large))).all()


def test_rows_of_one_shape_are_joined_and_others_stay_apart() -> None:
    alike, unlike = [np.ones((1, 3)), np.zeros((2, 3))], [np.ones((1, 3)), np.zeros((2, 5))]
    assert [each.shape for each in joined(alike)] == [(3, 3)]
    assert [each.shape for each in joined(unlike)] == [(1, 3), (2, 5)]
    assert joined([]) == []
