"""What each operation that is posted takes, in OpenAPI's words, with bodies to try."""

from collections.abc import Callable
from math import prod
from types import MappingProxyType
from typing import Any

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata

_MOST_NUMBERS = 256
"""An example is for eyes: that of an image would be megabytes of zeros."""

_ANY_TENSOR = MappingProxyType({"description": "A value, or nested lists of values"})

_TENSOR = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        "required": ["name", "datatype", "shape"],
    }
)

_GENERATE = MappingProxyType(
    {
        "type": "object",
        "properties": {"text_input": {"type": "string"}, "parameters": {"type": "object"}},
        "required": ["text_input"],
    }
)
_INFER = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": dict(_TENSOR)},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["inputs"],
    }
)

_FEATURES = MappingProxyType(
    {
        "type": "object",
        "properties": {
            "signature_name": {"type": "string"},
            "context": {"type": "object"},
            "examples": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        },
        "required": ["examples"],
    }
)


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked of a language model, as JSON that says `model` and `stream`, too."""
    said = {"model": {"type": "string"}, "stream": {"type": "boolean"}}
    return {"type": "object", "properties": {**asked, **said}, "required": list(asked)}


_SCHEMAS: MappingProxyType[tuple[str, str], dict[str, Any]] = MappingProxyType(
    {
        ("plain", "predict"): {
            "type": "object",
            "properties": {"inputs": dict(_ANY_TENSOR)},
            "required": ["inputs"],
            "additionalProperties": False,
        },
        ("tensorflow_serving", "predict"): {
            "type": "object",
            "properties": {
                "signature_name": {"type": "string"},
                "instances": {"type": "array", "minItems": 1},
                "inputs": dict(_ANY_TENSOR),
            },
            "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
        },
        ("tensorflow_serving", "classify"): dict(_FEATURES),
        ("tensorflow_serving", "regress"): dict(_FEATURES),
        ("open_inference", "infer"): dict(_INFER),
        ("openai", "chat"): _completion({"messages": {"type": "array", "minItems": 1}}),
        ("openai", "complete"): _completion({"prompt": {"type": "string"}}),
        ("open_inference", "generate"): dict(_GENERATE),
        ("open_inference", "generate_stream"): dict(_GENERATE),
        ("open_inference", "index"): {
            "type": "object",
            "properties": {"ready": {"type": "boolean"}},
        },
        **{("open_inference", name): {"type": "object"} for name in ("load", "unload")},
        ("torchserve", "predict"): dict(_ANY_TENSOR),
        ("torchserve", "explain"): dict(_ANY_TENSOR),
        ("openai", "embed"): {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "input": {"type": ["string", "array"]},
                "encoding_format": {"enum": ["float", "base64"]},
                "dimensions": {"type": "integer", "minimum": 1},
                "user": {"type": "string"},
            },
            "required": ["input"],
        },
        ("sagemaker", "invoke"): dict(_INFER),
    }
)


def body_of(dialect: str, operation: str, example: ModelMetadata | None) -> dict[str, Any]:
    """Content type -> schema of what an operation takes, with an example for a small model."""
    content: dict[str, Any] = {"schema": _SCHEMAS[dialect, operation]}
    if example is not None and _is_small(example) and (dialect, operation) in _EXAMPLES:
        content["example"] = _EXAMPLES[dialect, operation](example)
    return {"application/json": content}


def _is_small(metadata: ModelMetadata) -> bool:
    """Whether an example is for eyes: that of an image would be megabytes of zeros."""
    return all(prod(_shape(spec)) <= _MOST_NUMBERS for spec in metadata.inputs)


def _named(metadata: ModelMetadata) -> dict[str, Any]:
    """A request that the model takes: zeros, or empty strings, for a batch of one."""
    values = {spec.name: _nested(_value(spec), _shape(spec)) for spec in metadata.inputs}
    return {"inputs": next(iter(values.values())) if len(values) == 1 else values}


def _tensors(metadata: ModelMetadata) -> dict[str, Any]:
    return {"inputs": [_example_tensor(spec) for spec in metadata.inputs]}


def _examples(metadata: ModelMetadata) -> dict[str, Any]:
    features = {spec.name: [_value(spec)] * prod(_shape(spec)[1:]) for spec in metadata.inputs}
    return {"examples": [features]}


def _example_tensor(spec: TensorSpec) -> dict[str, Any]:
    shape = _shape(spec)
    flat = _nested(_value(spec), shape)
    for _ in shape[1:]:
        flat = [item for row in flat for item in row]
    return {"name": spec.name, "datatype": spec.datatype, "shape": shape, "data": flat}


def _shape(spec: TensorSpec) -> list[int]:
    return [1 if size == -1 else size for size in spec.shape]


def _value(spec: TensorSpec) -> Any:
    return {"BYTES": "", "BOOL": False}.get(spec.datatype, 0)


def _nested(value: Any, shape: list[int]) -> Any:
    for size in reversed(shape):
        value = [value] * size
    return value


_EXAMPLES: MappingProxyType[tuple[str, str], Callable[[ModelMetadata], dict[str, Any]]] = (
    MappingProxyType(
        {
            ("plain", "predict"): _named,
            ("tensorflow_serving", "predict"): _named,
            ("tensorflow_serving", "classify"): _examples,
            ("tensorflow_serving", "regress"): _examples,
            ("open_inference", "infer"): _tensors,
            ("sagemaker", "invoke"): _tensors,
            ("torchserve", "predict"): _named,
        }
    )
)
