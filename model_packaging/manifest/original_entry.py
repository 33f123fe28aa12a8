"""The manifest's entries that describe a trained model's own terms; see `original.py`."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lading.model_packaging.manifest.options import Entry
from lading.model_packaging.manifest.original import BATCH, InputShape, OwnCode

Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16",
    "FP32", "FP64", "BYTES"
]  # fmt: skip


def _class(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", text):
        raise ValueError(f"must be module:Name, such as networks.digits:Network, not '{text}'")
    return text


ClassPath = Annotated[str, AfterValidator(_class)]


def _shape(sizes: list[int | str]) -> list[int | str]:
    for size in sizes:
        if isinstance(size, int) and size < 1 and size != -1:
            raise ValueError(f"holds {size}; a free axis is a word or -1")
    return sizes


class InputEntry(Entry):
    """One input of the original."""

    shape: Annotated[list[int | str], AfterValidator(_shape)]
    """Sizes; a free axis is a word, such as batch, or -1. Axes of one word have one size."""
    datatype: Datatype = "FP32"
    """Open Inference Protocol name."""

    def shape_of(self, name: str) -> InputShape:
        """As the converters take it: -1 is the batch in front, and an axis of its own elsewhere."""
        words = (BATCH if axis == 0 else f"{name}_{axis}" for axis in range(len(self.shape)))
        sizes = zip(self.shape, words, strict=True)
        return InputShape(
            tuple(word if size == -1 else size for size, word in sizes), self.datatype
        )


class CodeEntry(Entry):
    """Your own code around the model, which runs wherever the model is served."""

    file: str = Field(min_length=1)
    """A Python file with preprocess(arrays), postprocess(arrays) or both, on dicts of arrays."""
    inputs: dict[str, InputEntry] | None = None
    """What callers send to preprocess; without it, what the model takes."""
    outputs: dict[str, InputEntry] | None = None
    """What callers get from postprocess; without it, what the model gives."""

    def own_code(self, folder: Path) -> OwnCode:
        """As packaging takes it."""
        inputs = {name: each.shape_of(name) for name, each in (self.inputs or {}).items()}
        outputs = {name: each.shape_of(name) for name, each in (self.outputs or {}).items()}
        return OwnCode(folder / self.file, inputs, outputs)
