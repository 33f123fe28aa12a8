"""The manifest's key `image`: a model that takes pixels answers for image files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lading.model_packaging.manifest.options import Entry
from lading.model_packaging.manifest.original import ImageInput

_MOST_SIDE = 4096
_PAIR = 2


def _quotient(value: Any) -> float:
    """A number, or a text such as 1/255."""
    top, _, bottom = str(value).partition("/")
    try:
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"must be a number, or two with / between, not '{value}'") from None


def _each(value: Any) -> list[float]:
    """A number for all channels, or one for each."""
    given = value if isinstance(value, list) else [value]
    if not given or any(type(each) not in (int, float) for each in given):
        raise ValueError("must be a number, or one for each channel")
    return [float(each) for each in given]


def _divisors(value: Any) -> list[float]:
    given = _each(value)
    if not all(given):
        raise ValueError("holds 0, by which nothing can be divided")
    return given


def _side(value: Any) -> bool:
    return type(value) is int and 1 <= value <= _MOST_SIDE


def _sides(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != _PAIR or not all(map(_side, value)):
        raise ValueError(f"must be [height, width], each 1 to {_MOST_SIDE}")
    return value


def _resize(value: Any) -> Any:
    return value if _side(value) else _sides(value)


def _classes(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if not names or any(not isinstance(name, str) or not name for name in names):
        raise ValueError(
            "must be the classes' names in the model's order, or a file with one a line"
        )
    return value


_SIDES = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}
_NUMBERS = Field(json_schema_extra={"type": ["number", "array"], "items": {"type": "number"}})


class ImageEntry(Entry):
    """How an image file becomes what the model takes, and what its scores are called."""

    scale: Annotated[
        Any, AfterValidator(_quotient), Field(json_schema_extra={"type": ["number", "string"]})
    ]
    """What each value of 0 to 255 is multiplied with: 1/255 for a model that takes 0 to 1, 1 for
    one that takes the values as they are."""
    mean: Annotated[Any, AfterValidator(_each), _NUMBERS] = Field(default=[0.0])
    """Then subtracted: a number, or one for each channel."""
    std: Annotated[Any, AfterValidator(_divisors), _NUMBERS] = Field(default=[1.0])
    """Then divided by."""
    size: Annotated[Any, AfterValidator(_sides), Field(json_schema_extra=_SIDES)] = None
    """Height and width that the model takes, when its input leaves them free."""
    resize: Annotated[
        Any,
        AfterValidator(_resize),
        Field(json_schema_extra={"type": ["integer", "array"], "items": {"type": "integer"}}),
    ] = None
    """Length of the shorter side, or height and width, before the middle is cut out; without it, an
    image is resized to what the model takes, whatever its proportions."""
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = "bilinear"
    """Pillow's filter."""
    mode: Literal["RGB", "BGR", "L"] | None = None
    """The model's channels; L, which is grey, for a model of one, else RGB."""
    layout: Literal["channels_first", "channels_last"] | None = None
    """Where the channels stand; as the shape of the model's input says."""
    classes: Annotated[
        Any,
        AfterValidator(_classes),
        Field(json_schema_extra={"type": ["array", "string"], "items": {"type": "string"}}),
    ] = None
    """Names of the classes in the model's order, or a text file with one a line: adds the outputs
    label and score, the likeliest first."""
    top: int = Field(default=5, ge=1)
    """How many labels are given."""
    softmax: bool = False
    """Whether the model's scores are logits, to be made probabilities in `score`."""

    def image_input(self, folder: Path) -> ImageInput:
        """As packaging takes it."""
        named = isinstance(self.classes, list)
        return ImageInput(
            scale=self.scale,
            mean=tuple(self.mean),
            std=tuple(self.std),
            size=self.size and tuple(self.size),
            resize=self.resize,
            resample=self.resample,
            mode=self.mode,
            layout=self.layout,
            classes=tuple(self.classes) if named else (),
            classes_file=folder / self.classes if self.classes and not named else None,
            top=self.top,
            softmax=self.softmax,
        )
