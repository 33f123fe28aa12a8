import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array
from tests.functions.inference.processing.images import (
    announced,
    file,
    many_exif_blocks,
    many_profiles,
    many_scans,
    options,
    plain,
    requested,
)
from tests.support.frameworks import needs

pytestmark = needs("processing", "PIL")

RAMP = np.arange(4 * 6 * 3).reshape(4, 6, 3)
"""Pixels of an image of 6 x 4 in which each value is another."""


def step(**changes: Any) -> Step:
    return make_step(options(**changes), {})


def pixels(content: bytes, **changes: Any) -> Array:
    found: Array = step(**changes).before(requested(content))["pixels"][0]
    return found


def test_a_file_becomes_pixels_in_the_layout_the_order_and_the_type_of_the_graph() -> None:
    content = file(RAMP)
    assert np.array_equal(pixels(content), RAMP.transpose(2, 0, 1))
    assert np.array_equal(pixels(content, layout="channels_last"), RAMP)
    assert np.array_equal(pixels(content, mode="BGR", layout="channels_last"), RAMP[..., ::-1])
    assert pixels(content, datatype="UINT8").dtype == np.uint8
    assert pixels(content).dtype == np.float32


def test_values_are_scaled_then_shifted_channel_by_channel() -> None:
    mean, std = [0.1, 0.2, 0.3], [0.5, 1, 2]
    found = pixels(file(RAMP), scale=1 / 255, mean=mean, std=std, layout="channels_last")
    assert np.allclose(found, (RAMP / 255 - mean) / std, atol=1e-6)


def test_grey_is_one_channel() -> None:
    grey = np.arange(24).reshape(4, 6)
    found = pixels(file(grey), mode="L", mean=[0], std=[1])
    assert np.array_equal(found, grey[np.newaxis])
    assert pixels(file(RAMP), mode="L", mean=[0], std=[1], layout="channels_last").shape == (
        4,
        6,
        1,
    )


def test_the_shorter_side_is_resized_and_the_middle_cut_out() -> None:
    wide = np.repeat(np.arange(9, dtype=np.uint8)[np.newaxis], 3, axis=0)
    middle = {"mode": "L", "mean": [0], "std": [1], "resize": 3, "crop": [3, 4]}
    assert pixels(file(wide), **middle)[0].tolist() == [[2, 3, 4, 5]] * 3
    assert pixels(file(wide.T), **{**middle, "crop": [4, 3]})[0].T.tolist() == [[2, 3, 4, 5]] * 3
    padded = pixels(file(wide), **{**middle, "crop": [3, 12]})[0]
    assert padded.tolist() == [[0, 0, *range(9), 0]] * 3


def test_an_image_is_turned_as_its_camera_says_and_loses_its_transparency() -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    turned = pixels(file(RAMP, exif=exif), resize=[6, 4], layout="channels_last")
    assert np.array_equal(turned, np.rot90(RAMP, -1))
    seen = pixels(file(plain(4, 6, (10, 20, 30, 0))), layout="channels_last")
    assert np.array_equal(seen, plain(4, 6))


def test_a_clear_color_becomes_white_where_the_step_says_so_and_is_itself_elsewhere() -> None:
    clear = file(RAMP, transparency=tuple(map(int, RAMP[0, 0])))
    assert np.array_equal(pixels(clear, layout="channels_last"), RAMP)
    seen = pixels(clear, layout="channels_last", clear=True)
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert np.array_equal(seen.reshape(-1, 3)[1:], RAMP.reshape(-1, 3)[1:])
    half_clear = file(plain(4, 6, (10, 20, 30, 0)))
    assert np.array_equal(pixels(half_clear, layout="channels_last", clear=True), plain(4, 6))


def test_several_images_of_several_sizes_make_one_batch_and_other_arrays_go_past() -> None:
    given = requested(file(plain(9, 2)), file(plain(1, 1, (7, 7, 7)), "JPEG"))
    found = step().before({**given, "weight": np.ones(2)})
    assert found["pixels"].shape == (2, 3, 4, 6)
    assert found["pixels"][:, :, 0, 0].tolist() == [[10, 20, 30], [7, 7, 7]]
    assert set(found) == {"pixels", "weight"}
    assert step().after(found) is found


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "row 1 is empty; send a JPEG or PNG file"),
        (b"hello, world", "row 1 starts with b'hello, w'; send a JPEG or PNG file"),
        (b"GIF89a" + bytes(40), "send a JPEG or PNG file"),
        (b"\x89PNG\r\n\x1a\n", "row 1 cannot be read as an image"),
        (b"\xff\xd8\xff" + bytes(99), "row 1 cannot be read as an image"),
        (announced(30_000, 30_000), "row 1 has 30000 x 30000 pixels; all images"),
        (announced(5792, 5794), "all images"),
        (announced(2**31 - 1, 2**31 - 1), "all images"),
        (announced(0, 1), "row 1 cannot be read"),
        (announced(50, 50), "row 1 cannot be read as an image"),
    ],
    ids=[*("empty", "text", "gif", "png", "jpeg", "bomb", "large", "huge", "flat", "hollow")],
)
def test_what_is_no_usable_image_is_refused_by_its_row(content: bytes, text: str) -> None:
    expected = f"input 'image' cannot be used: .*{re.escape(text)}"
    with pytest.raises(InvalidInput, match=expected) as refusal:
        step().before(requested(file(plain(2, 2)), content))
    assert " 0x" not in str(refusal.value)  # no address of memory


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_cut_off_anywhere_is_refused(kind: str) -> None:
    generator = np.random.default_rng(0)
    content = file(generator.integers(0, 256, (50, 50, 3)), kind)
    for length in range(0, len(content) // 2, 97):
        with pytest.raises(InvalidInput, match="row 0"):
            step().before(requested(content[:length]))


@pytest.mark.parametrize(
    ("make", "most", "reason"),
    [
        (many_scans, 90, "row 0 has more than 100 scans"),
        (many_exif_blocks, 100, "row 0 has more than 100 blocks of EXIF data"),
        (many_profiles, 4, "row 0 has more than 4 color profiles"),
    ],
)
def test_what_costs_much_a_file_may_have_only_so_often(
    make: Callable[[int], bytes], most: int, reason: str
) -> None:
    assert pixels(make(most)).shape == (3, 4, 6)
    with pytest.raises(InvalidInput, match=reason):
        step().before(requested(make(101)))


def test_a_jpeg_has_only_so_many_segments_wherever_it_says_that_it_ends() -> None:
    once = file(plain(16, 16), "JPEG")
    for start in (b"\xff\xd8", b"\xff\xd8\xff\xd9"):
        content = start + b"\xff\xe0\x00\x02" * 1001 + once[2:]
        with pytest.raises(InvalidInput, match="row 0 has more than 1000 segments"):
            step().before(requested(content))
    hidden = b"\xff\xd8\xff\xd9" + b"\xff\xe1\x00\x0aExif\0\0??" * 101 + once[2:]
    with pytest.raises(InvalidInput, match="row 0 has more than 100 blocks of EXIF data"):
        step().before(requested(hidden))


def test_what_follows_the_end_of_a_jpeg_is_none_of_it() -> None:
    content = file(plain(4, 6), "JPEG") + b"\xff\xda\x00\x02" * 5000
    assert pixels(content).shape == (3, 4, 6)


def test_an_ordinary_progressive_jpeg_is_taken() -> None:
    content = file(plain(4, 6), "JPEG", progressive=True)
    assert np.allclose(pixels(content)[:, 0, 0], [10, 20, 30], atol=2)


def test_all_pixels_of_a_request_count_also_those_that_resizing_makes() -> None:
    large = announced(5792, 5792)
    with pytest.raises(InvalidInput, match="row 1 has 5792 x 5792 pixels; all images"):
        step().before(requested(large, large))
    thin = file(plain(1, 3000))
    with pytest.raises(InvalidInput, match="row 0 has 3000 x 1 pixels; all images"):
        step(resize=256, crop=[224, 224]).before(requested(thin))


@pytest.mark.parametrize("count", [0, 65])
def test_only_so_many_images_go_into_a_request(count: int) -> None:
    with pytest.raises(InvalidInput, match=f"has {count} images; send 1 to 64"):
        step().before(requested(*[file(plain(1, 1))] * count))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"crop": None, "resize": 4}, "images have several sizes"),
        ({"resize": None}, "images have several sizes"),
        ({"mode": "L"}, "mean and std do not match the channels L"),
        ({"layout": "sideways"}, "a step 'image' that cannot be read"),
        ({"resample": "magic"}, "a step 'image' that cannot be read"),
    ],
)
def test_options_that_contradict_each_other_do_not_load(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        step(**changes)
