"""What the manifest says of a trained model beside its file, as far as its framework needs it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

BATCH = "batch"
"""The axis that counts rows, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class InputShape:
    """Datatype (Open Inference Protocol name) and shape of one input; a word is a free axis.

    Axes of one word have one size, in all inputs.
    """

    shape: tuple[int | str, ...]
    datatype: str = "FP32"


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A file with `preprocess` or `postprocess`, and what callers send and get by it."""

    file: Path
    inputs: Mapping[str, InputShape]
    outputs: Mapping[str, InputShape]


@dataclass(frozen=True, slots=True)
class ImageInput:
    """How image files become pixels, and what the classes are called; see `image_entry`."""

    scale: float
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    size: tuple[int, int] | None = None
    resize: int | list[int] | None = None
    resample: str = "bilinear"
    mode: str | None = None
    layout: str | None = None
    classes: tuple[str, ...] = ()
    classes_file: Path | None = None
    top: int = 5
    softmax: bool = False

    def stated(self) -> dict[str, Any]:
        """What is said, as JSON has it; the file is left to its digest."""
        return {**asdict(self), "classes_file": self.classes_file and self.classes_file.name}


@dataclass(frozen=True, slots=True)
class Original:
    """The trained model's own terms; what is not said is empty.

    Args:
        class_path: `module:Name` of the class, or of a function that makes the model; its code
            lies below `folder`.
        inputs: the model's inputs in the order in which it takes them.
        examples: an .npz file with an example of each input, in that order.
        outputs: names of the outputs in the model's order.
        signatures: which of several are packaged; all when not said.
        iterations: `best` or `all`, of boosted trees that record a best iteration.
        folder: the manifest's.
        code: the user's own code, which runs when the model is served.
        image: what makes image files of callers the model's pixels.
    """

    class_path: str = ""
    inputs: Mapping[str, InputShape] = field(default_factory=dict)
    examples: Path | None = None
    outputs: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    iterations: str = ""
    folder: Path = Path()
    code: OwnCode | None = None
    image: ImageInput | None = None

    def stated(self) -> dict[str, Any]:
        """What is said, by the manifest's keys, as JSON has it; files are left to their digests."""
        stated = {
            "class": self.class_path,
            "inputs": _listed(self.inputs),
            "examples": self.examples and self.examples.name,
            "outputs": list(self.outputs),
            "signature": list(self.signatures),
            "iterations": self.iterations,
            "code": self.code and [_listed(self.code.inputs), _listed(self.code.outputs)],
            "image": self.image and self.image.stated(),
        }
        return {key: value for key, value in stated.items() if value}

    def class_file(self) -> Path:
        """The file with the code of `class_path`."""
        module = self.class_path.partition(":")[0]
        return self.folder.joinpath(*module.split(".")).with_suffix(".py")

    def files(self) -> dict[str, Path]:
        """Files beside the source that the outcome depends on, by the manifest's key."""
        named = {
            "class": self.class_file() if self.class_path else None,
            "examples": self.examples,
            "code": self.code and self.code.file,
            "image": self.image and self.image.classes_file,
        }
        return {key: path for key, path in named.items() if path}


def _listed(inputs: Mapping[str, InputShape]) -> list[Any]:
    return [[name, each.datatype, list(each.shape)] for name, each in inputs.items()]
