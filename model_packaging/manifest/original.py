"""The trained model's own terms: the manifest's keys `inputs`, `class` and `code`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StrictInt, Tag
from pydantic.dataclasses import dataclass

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.manifest.fields import CONFIG, File, Ordered

BATCH = "batch"
"""The default name of the axis that counts rows."""

Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16",
    "FP32", "FP64", "BYTES"
]  # fmt: skip


def _class(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", text):
        raise ValueError(f"must be module:Name, such as networks.digits:Network, not '{text}'")
    return text


def _sizes(sizes: tuple[int | str, ...]) -> tuple[int | str, ...]:
    for size in sizes:
        if isinstance(size, int) and size < 1 and size != -1:
            raise ValueError(f"holds {size}; a free axis is a word or -1")
    return sizes


@dataclass(frozen=True, slots=True, config=CONFIG)
class InputShape:
    """One input of the original."""

    shape: Annotated[tuple[StrictInt | str, ...], AfterValidator(_sizes)]
    """Sizes; a free axis is a word, such as batch, or -1. Axes of one word have one size."""
    datatype: Datatype = "FP32"
    """Open Inference Protocol name."""


def named_axes(inputs: Mapping[str, InputShape]) -> Mapping[str, InputShape]:
    """Return a word for each -1: the batch on the first axis, and a separate axis elsewhere."""
    return {
        name: replace(
            each,
            shape=tuple(
                (f"{name}_{axis}" if axis else BATCH) if size == -1 else size
                for axis, size in enumerate(each.shape)
            ),
        )
        for name, each in inputs.items()
    }


def tensors_of(shapes: Mapping[str, InputShape]) -> tuple[TensorSpec, ...]:
    """Return the tensors that the manifest states; a named axis has any size."""
    return tuple(
        TensorSpec(
            name, each.datatype, tuple(-1 if isinstance(it, str) else it for it in each.shape)
        )
        for name, each in shapes.items()
    )


ClassPath = Annotated[str, AfterValidator(_class)]
Shapes = Annotated[Mapping[str, InputShape], AfterValidator(named_axes), Ordered]


def _kind(value: Any) -> str:
    return "shapes" if isinstance(value, Mapping) else "names"


Outputs = Annotated[
    Annotated[tuple[str, ...], Tag("names")] | Annotated[Shapes, Tag("shapes")],
    Discriminator(_kind),
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class OwnCode:
    """Your own code around the model, which runs wherever the model is served."""

    file: File
    """A Python file with preprocess(arrays), postprocess(arrays) or both, on dicts of arrays."""
    inputs: Shapes = Field(default={})
    """The inputs of preprocess, which callers send; by default the model's inputs."""
    outputs: Shapes = Field(default={})
    """The outputs of postprocess, which callers get; by default the model's outputs."""
