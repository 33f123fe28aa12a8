"""What boosted trees have in common, whichever library grew them.

The ONNX model takes `X`, float32 of shape [-1, features], in which NaN is a missing value, and
answers

- a classifier: `label` [-1], int64, and `probabilities` [-1, classes];
- a regressor or a ranker: `prediction` [-1, 1].
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, Model
from model_packaging.errors import ConversionError, SourceUnreadable
from model_packaging.manifest import ModelSpec
from model_packaging.onnx_graph import rename, strip

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT = "X"
OPSET = 15  # the highest of onnxmltools

_CLASSIFIER, _REGRESSOR = ["label", "probabilities"], ["prediction"]


def read_booster(spec: ModelSpec, load: Callable[[], Any]) -> Any:
    """What `load` gives.

    Raises:
        SourceUnreadable: it gives up.
    """
    try:
        return load()
    except SourceUnreadable:
        raise
    except Exception as error:  # a damaged file raises anything
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = f"is damaged, or no model of this library: {(lines or ['?'])[0][:200]}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def convert_booster(
    spec: ModelSpec, convert: Callable[[], "ModelProto"], predict: Callable[[Array], Array]
) -> Conversion:
    """What the library's own converter makes, with the names of this module.

    Args:
        spec: the model.
        convert: gives the ONNX model.
        predict: the original: probabilities of classes, of the second of two, or numbers.

    Raises:
        ConversionError: it has no ONNX form.
    """
    try:
        model = convert()
    except Exception as error:  # converters raise whatever their code runs into
        reason = str(error).strip().partition("\n")[0][:300]
        raise ConversionError(spec.name, f"has no ONNX form: {reason}") from error
    classifies = len(model.graph.output) == len(_CLASSIFIER)
    outputs = _CLASSIFIER if classifies else _REGRESSOR
    rename(model, [INPUT], outputs)
    for value in model.graph.output:  # some state a single row
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    strip(model)
    reference = _classifier(predict) if classifies else _regressor(predict)
    return Conversion(model.SerializeToString(deterministic=True), reference)


def _classifier(predict: Callable[[Array], Array]) -> Model:
    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        scores = _attempt(predict, inputs)
        if scores.ndim == 1:
            scores = np.stack([1 - scores, scores], axis=1)
        return {"label": scores.argmax(axis=1), "probabilities": scores}

    return reference


def _regressor(predict: Callable[[Array], Array]) -> Model:
    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        numbers = _attempt(predict, inputs)
        return {"prediction": numbers.reshape(len(numbers), -1)}

    return reference


def _attempt(predict: Callable[[Array], Array], inputs: dict[str, Array]) -> Array:
    try:
        return np.asarray(predict(inputs[INPUT])).astype(np.float32)
    except Exception as error:  # the libraries' errors share no base class
        raise ValueError(str(error).strip().partition("\n")[0]) from error
