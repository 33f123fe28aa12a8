"""The manifest's key `image`: callers of a model of pixels send image files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, StrictBool
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File

_MOST_SIDE = 4096
_PAIR = 2


def _quotient(value: Any) -> float:
    """Parse a number, or a fraction such as 1/255."""
    top, _, bottom = str(value).partition("/")
    try:
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"must be a number, or a fraction such as 1/255, not '{value}'") from None


def _each(value: Any) -> tuple[float, ...]:
    """Return a number for all channels, or one for each."""
    given = value if isinstance(value, list | tuple) else [value]
    if not given or any(type(each) not in (int, float) for each in given):
        raise ValueError("must be a number, or one for each channel")
    return tuple(float(each) for each in given)


def _divisors(value: Any) -> tuple[float, ...]:
    given = _each(value)
    if not all(given):
        raise ValueError("must not contain 0: pixels are divided by it")
    return given


def _is_side(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _MOST_SIDE


def _sides(value: Any) -> Any:
    if value is None:
        return None
    pair = isinstance(value, list | tuple) and len(value) == _PAIR
    if not pair or not all(map(_is_side, value)):
        raise ValueError(f"must be [height, width], each 1 to {_MOST_SIDE}")
    return tuple(value)


def _resize(value: Any) -> Any:
    return value if _is_side(value) else _sides(value)


def _classes(value: Any) -> Any:
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(name, str | Path | None) and name != "" for name in names):
        raise ValueError(
            "must list the classes in the model's order, or name a file with one class per line"
        )
    return value


_Numbers = float | list[float]
_Pair = Annotated[list[int], Field(min_length=2, max_length=2)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class ImageInput:
    """Settings that turn an image file into the model's input, and name its scores."""

    scale: Annotated[float, BeforeValidator(_quotient, json_schema_input_type=float | str)]
    """Multiplied with each value of 0 to 255: 1/255 for a model that expects 0 to 1, 1 for one that
    expects the values as they are."""
    mean: Annotated[tuple[float, ...], BeforeValidator(_each, json_schema_input_type=_Numbers)] = (
        0.0,
    )
    """Then subtracted: a number, or one for each channel."""
    std: Annotated[
        tuple[float, ...], BeforeValidator(_divisors, json_schema_input_type=_Numbers)
    ] = (1.0,)
    """Then divided by."""
    size: Annotated[
        tuple[int, int] | None, BeforeValidator(_sides, json_schema_input_type=_Pair)
    ] = None
    """Height and width of the model's input, when the model leaves them free."""
    resize: Annotated[
        int | tuple[int, int] | None, BeforeValidator(_resize, json_schema_input_type=int | _Pair)
    ] = None
    """Length of the shorter side, or height and width, before the center is cut out; without it, an
    image is resized to the model's size, without keeping its proportions."""
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = "bilinear"
    """Pillow's filter."""
    mode: Literal["RGB", "BGR", "L"] | None = None
    """The model's channels; L (gray) for a model of one channel, else RGB."""
    layout: Literal["channels_first", "channels_last"] | None = None
    """The axis of the channels; by default derived from the shape of the model's input."""
    classes: Annotated[
        tuple[str, ...] | File | None,
        BeforeValidator(_classes, json_schema_input_type=list[str] | str),
    ] = None
    """Names of the classes in the model's order, or a text file with one per line. The answer gets
    the outputs label and score, the most likely first."""
    top: Annotated[int, Strict(), Field(ge=1)] = 5
    """The number of labels to return."""
    softmax: StrictBool = False
    """Whether the model's scores are logits, which `score` turns into probabilities."""
