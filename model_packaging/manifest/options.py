"""How a model is optimized, as the manifest says it and as packaging takes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

Scheme = Literal["none", "auto", "dynamic", "static", "fp16", "int8", "int4"]

FORMS = WORD, LIST, MAPPING = "[word]", "[list]", "[mapping]"
"""What pydantic puts into an error's path for the forms of a key."""


class Entry(BaseModel):
    """A mapping of the manifest."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class QuantizeEntry(Entry):
    """How weights are stored in fewer bits."""

    scheme: Scheme
    """dynamic: int8 weights, activations quantized as they come; static: int8 both, measured on
    `calibration`; fp16: half precision; int8, int4: weights only; auto: the smallest of these that
    passes the accuracy gate."""
    exclude: list[str] = []
    """Nodes that stay as they are: names, with wildcards, or operators."""
    calibration: str | None = Field(default=None, min_length=1)
    """Rows to measure activations on, for static: a file as of accuracy.data, without its y."""

    @model_validator(mode="after")
    def _calibrated(self) -> Self:
        if self.calibration is None:
            _uncalibrated(self.scheme)
        if self.scheme == "none" and (self.exclude or self.calibration):
            raise ValueError("none quantizes nothing: leave out exclude and calibration")
        return self


class PruneEntry(Entry):
    """Which weights are given up."""

    method: Literal["magnitude", "structured"]
    """magnitude: the smallest weights become zero, which is smaller to ship from a sparsity of two
    thirds on, and no faster; structured: whole neurons and channels go, smaller and faster."""
    sparsity: float = Field(gt=0, lt=1)
    """The share of weights, or of each layer's neurons, that goes."""
    scope: Literal["layer", "global"] = "layer"
    """Of magnitude: the smallest weights of each layer, or of all layers together."""
    exclude: list[str] = Field(default=[])
    """Nodes that stay as they are: names, with wildcards, or operators."""

    @model_validator(mode="after")
    def _scoped(self) -> Self:
        if self.method == "structured" and self.scope == "global":
            raise ValueError("structured takes a share of each layer: leave scope out")
        return self


@dataclass(frozen=True, slots=True)
class PruneSpec:
    """See `PruneEntry`."""

    method: Literal["magnitude", "structured"]
    sparsity: float
    scope: Literal["layer", "global"] = "layer"
    exclude: tuple[str, ...] = ()


def prune_spec(entry: PruneEntry) -> PruneSpec:
    """What the manifest's entry means."""
    return PruneSpec(entry.method, entry.sparsity, entry.scope, tuple(entry.exclude))


def _uncalibrated(scheme: Scheme) -> Scheme:
    if scheme == "static":
        raise ValueError("static needs calibration: a file of rows to measure activations on")
    return scheme


def _form(value: Any) -> str:
    return MAPPING if isinstance(value, (dict, QuantizeEntry)) else WORD


QuantizeKey = Annotated[
    Annotated[Scheme, AfterValidator(_uncalibrated), Tag(WORD)]
    | Annotated[QuantizeEntry, Tag(MAPPING)],
    Discriminator(_form),
]


@dataclass(frozen=True, slots=True)
class QuantizeSpec:
    """See `QuantizeEntry`."""

    scheme: Scheme = "none"
    exclude: tuple[str, ...] = ()
    calibration: Path | None = None


def quantize_spec(key: QuantizeKey, folder: Path) -> QuantizeSpec:
    """What the manifest's key means, paths below `folder`."""
    if isinstance(key, str):
        return QuantizeSpec(key)
    calibration = folder / key.calibration if key.calibration else None
    return QuantizeSpec(key.scheme, tuple(key.exclude), calibration)
