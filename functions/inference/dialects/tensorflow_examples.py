"""TensorFlow Serving's classify and regress: from examples of named features to labels or values.

A feature is an input of the signature. An ONNX model has no signature of the method `classify`, so
the outputs decide: one float tensor of [batch, classes] is scores, one of [batch] or [batch, 1] is
a value. Labels come from a text output of the scores' shape if the model has one; if not, a label
is the number of the class. Texts and shapes: `util/json_tensor.cc`, `servables/tensorflow/`.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidInput, MalformedRequest, brief
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import BYTES, Array, from_json, takes_missing
from lading.functions.inference.tensors.json_values import to_lists

MOST_SHARED = 1 << 20
"""The most values that a context adds to all examples, because a short request can multiply."""

_MATRIX = 2
_FLOATS = ("FP32", "FP64")


def decode_examples(document: dict[str, Any], metadata: ModelMetadata) -> dict[str, Array]:
    """Decode arrays by name from `examples`, which `context` completes.

    Raises:
        MalformedRequest: they are not examples, or one lacks a feature.
        InvalidInput: a feature cannot be read as its input's datatype.
    """
    examples, context = document.get("examples"), document.get("context", {})
    if "examples" not in document:
        raise MalformedRequest(
            "When method is classify, key 'examples' is expected and was not found"
        )
    if not isinstance(examples, list):
        raise MalformedRequest("Expecting 'examples' value to be an list/array")
    if not examples:
        raise MalformedRequest("'examples' value is an empty array")
    for example in (context, *examples):
        if not isinstance(example, dict):
            raise MalformedRequest("Example must be JSON object")
    if _size(context) * len(examples) > MOST_SHARED:
        raise MalformedRequest(
            f"'context' adds more than {MOST_SHARED} values to {len(examples)} examples; "
            "send fewer examples in one request"
        )
    completed = [{**context, **example} for example in examples]
    return {spec.name: _feature(completed, spec) for spec in metadata.inputs}


def _size(value: Any) -> int:
    """Return the number of values, and of characters in texts, of a feature."""
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, np.ndarray):
        return int(value.size)
    return len(value) if isinstance(value, str | bytes) else 1


def _feature(examples: list[dict[str, Any]], spec: TensorSpec) -> Array:
    """Make one input: a row for each example, in the signature's shape."""
    rows = []
    for example in examples:
        if spec.name not in example:
            raise MalformedRequest(
                f"Feature: {brief(spec.name)} (data type: {spec.datatype}) is required but could "
                "not be found."
            )
        value = to_lists(example[spec.name])
        values = value if isinstance(value, list) else [value]
        rows.append([_element(each, spec) for each in values])
    array = from_json(rows, spec.name, spec.datatype)
    shape = (len(rows), *spec.shape[1:])
    return array.reshape(shape) if -1 not in shape and prod(shape) == array.size else array


def _element(value: Any, spec: TensorSpec) -> Any:
    if isinstance(value, list) or (value is None and not takes_missing(spec.datatype)):
        raise InvalidInput(
            spec.name,
            "is a feature of the wrong kind",
            f"Feature: {brief(spec.name)} has element with unexpected JSON type: "
            f"{'Null' if value is None else 'Array'}",
        )
    # TensorFlow's Example has no booleans, only whole numbers.
    return int(value) if isinstance(value, bool) and spec.datatype != "BOOL" else value


def scores_output(metadata: ModelMetadata) -> TensorSpec:
    """Find the output of `classify`: the only float tensor of [batch, classes].

    Raises:
        MalformedRequest: the model has none, or more than one.
    """
    return _only(metadata, "classify", lambda spec: len(spec.shape) == _MATRIX)


def value_output(metadata: ModelMetadata) -> TensorSpec:
    """Find the output of `regress`: the only float tensor with one value for each example.

    Raises:
        MalformedRequest: the model has none, or more than one.
    """
    return _only(metadata, "regress", lambda spec: spec.shape[1:] in ((), (1,), (-1,)))


def _only(metadata: ModelMetadata, method: str, fits: Callable[[TensorSpec], bool]) -> TensorSpec:
    found = [
        spec for spec in metadata.outputs if spec.datatype in _FLOATS and spec.shape and fits(spec)
    ]
    if len(found) != 1:
        raise MalformedRequest(
            f"Expected {method} signature method_name to be tensorflow/serving/{method}. "
            "Was: tensorflow/serving/predict"
        )
    return found[0]


def labels_output(metadata: ModelMetadata, scores: TensorSpec) -> TensorSpec | None:
    """Find the output with a label for each score, if the model has one."""
    for spec in metadata.outputs:
        if spec.datatype == BYTES and spec.shape[1:] == scores.shape[1:]:
            return spec
    return None


def encode_classes(scores: Array, labels: Array | None) -> dict[str, Any]:
    """Encode `results`: for each example its classes, each a label and a score."""
    rows = to_lists(scores)
    if labels is None:
        return {"results": [[[str(n), each] for n, each in enumerate(row)] for row in rows]}
    labels = np.broadcast_to(labels, scores.shape)  # constant labels have no rows
    texts = [[item.decode(errors="replace") for item in row] for row in labels]
    pairs = [zip(names, row, strict=True) for names, row in zip(texts, rows, strict=True)]
    return {"results": [[list(pair) for pair in row] for row in pairs]}


def encode_values(values: Array, examples: int) -> dict[str, Any]:
    """Encode `results`: a value for each example.

    Raises:
        MalformedRequest: the model returned another number of values.
    """
    if values.size != examples:
        raise MalformedRequest(f"Expected output batch size to be {examples}. Got: {values.size}")
    return {"results": to_lists(values.ravel())}
