"""Schemas of requests and answers with the types of a model's signature, for generated clients."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from lading.functions.contract.dialects.dialect import STRING, fields
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import FLOATS

_Schema = dict[str, Any]
_PLAIN, _OPEN = "plain", "open_inference"
_REF: Final = "#/components/schemas/"
_B64 = fields("b64", b64=STRING) | {"additionalProperties": False}


def schemas_of(model: ModelMetadata) -> dict[str, Any]:
    """Return the components of a model: its inputs and outputs by name, and a row of columns."""
    if not model.outputs:
        return {}
    outputs = {spec.name: _nested(spec, _answered(spec)) for spec in model.outputs}
    named = {"Inputs": _inputs(model), "Outputs": fields(*outputs, **outputs)}
    named["Prediction"] = fields(
        *("model", "version", "outputs"),
        model={"type": "string", "enum": [model.name]},
        version={"type": "integer", "minimum": 1},
        outputs={"$ref": f"{_REF}Outputs"},
    )
    named["Inferred"] = _inferred(model)
    return named | ({"Row": _row(model)} if _has_columns(model) else {})


def request_of(dialect: str, operation: str, model: ModelMetadata) -> _Schema | None:
    """Return the schema of a request; None where the dialect's own says it all."""
    if dialect != _PLAIN or not model.outputs:
        return None
    forms: list[_Schema] = [{"$ref": f"{_REF}Inputs"}]
    if len(model.inputs) == 1:  # before the rows: generated clients take the first form of a list
        forms.append(_nested(model.inputs[0], _given(model.inputs[0])))
    if _has_columns(model):
        forms.append({"type": "array", "minItems": 1, "items": {"$ref": f"{_REF}Row"}})
    inputs = forms[0] if len(forms) == 1 else {"anyOf": forms}
    more = {"explain_parameters": {"type": "object"}} if operation == "explain" else {}
    return {**fields("inputs", inputs=inputs, **more), "additionalProperties": False}


def answer_of(dialect: str, operation: str, model: ModelMetadata) -> _Schema | None:
    """Return the schema of an answer; None where the signature says nothing of it."""
    make = _ANSWERS.get((dialect, operation))
    return None if make is None or not model.outputs else make(model)


def _inputs(model: ModelMetadata) -> _Schema:
    named = {spec.name: _nested(spec, _given(spec)) for spec in model.inputs}
    return {**fields(*named, **named), "additionalProperties": False}


def _row(model: ModelMetadata) -> _Schema:
    named = {spec.name: _given(spec) for spec in model.inputs}
    return {**fields(*named, **named), "additionalProperties": False}


def _has_columns(model: ModelMetadata) -> bool:
    """Return whether each input is a column, so that a request may be rows."""
    return bool(model.inputs) and all(spec.shape in ((-1,), (-1, 1)) for spec in model.inputs)


def _nested(spec: TensorSpec, element: _Schema) -> _Schema:
    """Return the schema of nested lists of a shape; any number of elements where it is free."""
    schema = element
    for size in reversed(spec.shape):
        exact = {} if size == -1 else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **exact}
    return schema


def _given(spec: TensorSpec) -> _Schema:
    """Return the schema of an element of an input."""
    if spec.datatype == "BYTES":
        return {"anyOf": [STRING, _B64]}
    if spec.datatype in FLOATS and spec.takes_missing:
        return {"type": ["number", "null"]}
    return _number(spec)


def _answered(spec: TensorSpec) -> _Schema:
    """Return the schema of an element of an output of the plain dialect; NaN becomes null."""
    if spec.datatype == "BYTES":
        return {**STRING}
    return {"type": ["number", "null"]} if spec.datatype in FLOATS else _number(spec)


def _number(spec: TensorSpec) -> _Schema:
    if spec.datatype == "BOOL":
        return {"type": "boolean"}
    return {"type": "number" if spec.datatype in FLOATS else "integer"}


def _bare(model: ModelMetadata) -> _Schema:
    """Return the schema of outputs as TensorFlow Serving has them: a single one is bare."""
    if len(model.outputs) == 1:
        return _nested(model.outputs[0], _exact(model.outputs[0]))
    named = {spec.name: _nested(spec, _exact(spec)) for spec in model.outputs}
    return fields(*named, **named)


def _unwrapped(model: ModelMetadata) -> _Schema:
    """Return the schema of TorchServe's answer: one value of one instance is a scalar."""
    if len(model.outputs) == 1:
        return {"anyOf": [_exact(model.outputs[0]), _bare(model)]}
    return _bare(model)


def _exact(spec: TensorSpec) -> _Schema:
    """Return the schema of an element where NaN stays NaN, and bytes may be in base64."""
    return {"anyOf": [STRING, _B64]} if spec.datatype == "BYTES" else _number(spec)


def _predicted(model: ModelMetadata) -> _Schema:
    """Return the schema of TensorFlow Serving's answer to `inputs`, or to `instances`."""
    return fields(outputs=_bare(model), predictions={"type": "array", "items": {}})


def _inferred(model: ModelMetadata) -> _Schema:
    outputs = [
        fields(
            *("name", "datatype", "shape", "data"),
            name={"type": "string", "enum": [spec.name]},
            datatype={"type": "string", "enum": [spec.datatype]},
            shape={"type": "array", "items": {"type": "integer"}},
            data={"type": "array", "items": _exact(spec)},
        )
        for spec in model.outputs
    ]
    items = outputs[0] if len(outputs) == 1 else {"anyOf": outputs}
    return fields(
        *("model_name", "model_version", "outputs"),
        model_name={"type": "string", "enum": [model.name]},
        model_version=STRING,
        id=STRING,
        outputs={"type": "array", "items": items},
    )


def _component(name: str) -> Callable[[ModelMetadata], _Schema]:
    return lambda _model: {"$ref": f"{_REF}{name}"}


_ANSWERS: Mapping[tuple[str, str], Callable[[ModelMetadata], _Schema]] = MappingProxyType(
    {
        (_PLAIN, "predict"): _component("Prediction"),
        (_OPEN, "infer"): _component("Inferred"),
        ("sagemaker", "invoke"): _component("Inferred"),
        ("tensorflow_serving", "predict"): _predicted,
        ("torchserve", "predict"): _unwrapped,
    }
)
"""Dialect and operation -> what makes the schema of the answer."""
