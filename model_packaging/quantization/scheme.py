"""The interface of quantization schemes, and how one is applied to a model."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import NothingToQuantize, QuantizationError
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.onnx_graph import operator_set, operators
from lading.model_packaging.quantization.graphs import excluded, narrow_weights, prepare, restore
from lading.model_packaging.quiet import quiet

if TYPE_CHECKING:
    from onnx import ModelProto


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """The parts of a model to quantize.

    Args:
        exclude: nodes that stay unchanged: names, with wildcards, or operators. A scheme gets the
            names of the nodes that match.
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
        apply: makes the quantized model of a prepared model and a plan. It may change the model
            that it gets and raise anything.
        tools: libraries whose version the result depends on, beside onnxruntime and onnx.
        calibrated: whether it needs `QuantizationPlan.calibration`.
        oldest: the lowest operator set that it supports.
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
        scheme: how weights are stored.
        plan: what to leave out, and rows to calibrate on.

    Raises:
        QuantizationError: nothing in it can be quantized, the libraries cannot quantize it, or a
            pattern to exclude matches nothing.
    """
    original = prepare(model)
    _check_exclusions(name, original, plan.exclude)
    if not operator_set(original):  # trees: ai.onnx.ml alone
        raise _nothing_in(name, original)
    if operator_set(original) < scheme.oldest:
        raise _too_old(name, original, scheme)
    try:
        with library_errors(), quiet(logging.CRITICAL):
            names = tuple(excluded(original, plan.exclude))
            quantized = scheme.apply(prepare(model), replace(plan, exclude=names))
    except LibraryFailed as error:
        raise QuantizationError(name, f"cannot be quantized: {error}") from error
    if narrow_weights(quantized) <= narrow_weights(original):
        raise _nothing_in(name, original)
    restore(quantized, original)
    content: bytes = quantized.SerializeToString(deterministic=True)
    try:
        OnnxSession(content)
    except (SessionError, ValueError) as error:
        raise QuantizationError(name, f"cannot be loaded after quantizing: {error}") from error
    return content


def _too_old(name: str, model: "ModelProto", scheme: Scheme) -> QuantizationError:
    """Refuse old operators, which the libraries would only relabel as newer ones."""
    found, oldest = operator_set(model), scheme.oldest
    reason = f"has operator set {found}, and {scheme.name} needs {oldest} or newer; export it again"
    return QuantizationError(name, reason)


def _check_exclusions(name: str, model: "ModelProto", patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if not excluded(model, [pattern]):
            reason = f"has no node or operator '{pattern}' to exclude (operators: {_listed(model)})"
            raise QuantizationError(name, reason)


def _nothing_in(name: str, model: "ModelProto") -> NothingToQuantize:
    return NothingToQuantize(name, f"has nothing to quantize (operators: {_listed(model)})")


def _listed(model: "ModelProto") -> str:
    return ", ".join(sorted(operators(model)))
