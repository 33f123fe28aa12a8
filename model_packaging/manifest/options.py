"""The manifest's keys `quantize` and `prune`: how a model is optimized."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File
from lading.model_packaging.manifest.recovering import RecoverSpec

Scheme = Literal["none", "auto", "dynamic", "static", "fp16", "int8", "int4"]


@dataclass(frozen=True, slots=True, config=CONFIG)
class QuantizeSpec:
    """Settings of quantizing: weights are stored in fewer bits."""

    scheme: Scheme = "none"
    """dynamic: int8 weights, activations quantized at run time; static: int8 both, activations
    measured on `calibration`; fp16: half precision; int8, int4: weights only; auto: the smallest of
    these that passes the accuracy gate."""
    exclude: tuple[str, ...] = ()
    """Nodes that stay unchanged: names, with wildcards, or operators."""
    calibration: File | None = None
    """Rows to measure activations on, for static: a file as for accuracy.data, without its y."""

    @model_validator(mode="after")
    def _calibrated(self) -> Self:
        if self.scheme == "static" and self.calibration is None:
            raise ValueError("static needs calibration: a file of rows to measure activations on")
        return self


def _from_word(value: Any) -> Any:
    return {"scheme": value} if isinstance(value, str) else value


Quantize = Annotated[
    QuantizeSpec, BeforeValidator(_from_word, json_schema_input_type=Scheme | QuantizeSpec)
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class PruneSpec:
    """Settings of pruning: weights are removed."""

    method: Literal["magnitude", "structured"]
    """magnitude: the smallest weights become zero, which makes the file smaller from a sparsity of
    two thirds on, but not faster; structured: whole neurons and channels go, smaller and faster."""
    sparsity: Annotated[float, Strict(), Field(gt=0, lt=1)]
    """The share of weights, or of each layer's neurons, to remove."""
    scope: Literal["layer", "global"] = "layer"
    """For magnitude: the smallest weights of each layer, or of all layers together."""
    exclude: tuple[str, ...] = ()
    """Nodes that stay unchanged: names, with wildcards, or operators."""
    recover: RecoverSpec | None = None
    """The script that trains the pruned PyTorch network again, for `lading recover`."""

    @model_validator(mode="after")
    def _scoped(self) -> Self:
        if self.method == "structured" and self.scope == "global":
            raise ValueError("structured removes a share of each layer: leave scope out")
        return self
