"""What a scheme of quantization is, and how one is applied to a model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import QuantizationError
from lading.model_packaging.quantization.graphs import (
    excluded,
    narrow_weights,
    operator_set,
    operators,
    prepare,
    quiet,
    restore,
)

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """How to quantize a model, beside the scheme.

    Args:
        exclude: nodes that stay as they are: names, with wildcards, or operators. A scheme is given
            the names alone.
        calibration: requests on which activations are measured; only `static` needs them.
    """

    exclude: tuple[str, ...] = ()
    calibration: Sequence[dict[str, Array]] = ()


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way to store weights in fewer bits.

    Args:
        name: the manifest's word for it.
        weights: type of the weights, for the artifact.
        apply: a prepared model and a plan, to the quantized model. May change the one it is given,
            and raise anything.
        tools: libraries whose version the outcome depends on, beside onnxruntime and onnx.
        calibrated: whether it needs `QuantizationPlan.calibration`.
        oldest: the operator set that it needs.
    """

    name: str
    weights: str
    apply: Callable[["ModelProto", QuantizationPlan], "ModelProto"]
    tools: tuple[str, ...] = ()
    calibrated: bool = False
    oldest: int = 13


def quantize(name: str, model: bytes, scheme: Scheme, plan: QuantizationPlan) -> bytes:
    """Quantize a model.

    Args:
        name: the model's name, for errors.
        model: the serialized ONNX model, with its weights inside.
        scheme: which way.
        plan: what to leave out, and rows to calibrate on.

    Raises:
        QuantizationError: nothing in it can be quantized, the libraries cannot quantize it, or
            nothing bears a name that is to be excluded.
    """
    original = prepare(model)
    _check_exclusions(name, original, plan.exclude)
    if not operator_set(original):  # trees: ai.onnx.ml alone
        raise _nothing_in(name, original)
    if operator_set(original) < scheme.oldest:
        raise _too_old(name, original, scheme)
    try:
        with quiet():
            names = tuple(excluded(original, plan.exclude))
            quantized = scheme.apply(prepare(model), replace(plan, exclude=names))
    except Exception as error:  # the libraries' exceptions share no base class
        raise QuantizationError(name, f"cannot be quantized: {_line(error)}") from error
    if narrow_weights(quantized) <= narrow_weights(original):
        raise _nothing_in(name, original)
    restore(quantized, original)
    content: bytes = quantized.SerializeToString(deterministic=True)
    try:
        OnnxSession(content)
    except (SessionError, ValueError) as error:
        raise QuantizationError(name, f"cannot be loaded once quantized: {error}") from error
    return content


def _too_old(name: str, model: "ModelProto", scheme: Scheme) -> QuantizationError:
    """The libraries would declare its operators newer, whatever that makes of them."""
    found, oldest = operator_set(model), scheme.oldest
    reason = f"has operator set {found}, and {scheme.name} needs {oldest} or newer; export it anew"
    return QuantizationError(name, reason)


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _check_exclusions(name: str, model: "ModelProto", patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if not excluded(model, [pattern]):
            known = ", ".join(operators(model))
            raise QuantizationError(
                name, f"has no node or operator '{pattern}' to exclude (operators: {known})"
            )


def _nothing_in(name: str, model: "ModelProto") -> QuantizationError:
    return QuantizationError(name, f"has nothing to quantize (it is {', '.join(operators(model))})")
