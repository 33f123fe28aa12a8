"""Golden requests in the form of each operation, and the outputs in its answers."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lading.cli.smoke.golden import Tensors
from lading.functions.inference.tensors.conversion import RAW_ONLY
from lading.functions.traffic_hook.golden import by_name

_FLOATS = ("FP32", "FP64")
_MATRIX = 2


@dataclass(frozen=True, slots=True)
class Codec:
    """The form of golden requests in one operation.

    Args:
        outputs: returns the names of the outputs that the operation returns for a request; empty
            when the operation cannot carry the request.
        write: returns the request's document.
        read: returns the outputs in an answer, by name.
        version: key of the version in an answer; empty when the answer has none.
    """

    outputs: Callable[[Tensors], Sequence[str]]
    write: Callable[[Tensors], Any]
    read: Callable[[Any, Tensors], Mapping[str, Any]]
    version: str = ""


def _all_outputs(tensors: Tensors) -> Sequence[str]:
    return [tensor["name"] for tensor in tensors["outputs"]]


def _all_in_json(tensors: Tensors) -> Sequence[str]:
    """Return all outputs; none where a datatype has no JSON form in this dialect."""
    datatypes = {tensor["datatype"] for side in tensors.values() for tensor in side}
    return _all_outputs(tensors) if RAW_ONLY.isdisjoint(datatypes) else ()


def _write_values(tensors: Tensors) -> Any:
    return {"inputs": by_name(tensors["inputs"])}


def _write_tensors(tensors: Tensors) -> Any:
    return {"inputs": list(tensors["inputs"])}


def _read_values(answer: Any, _tensors: Tensors) -> Mapping[str, Any]:
    return dict(answer["outputs"])


def _read_tensors(answer: Any, _tensors: Tensors) -> Mapping[str, Any]:
    return by_name(answer["outputs"])


def _read_columns(answer: Any, tensors: Tensors) -> Mapping[str, Any]:
    """TensorFlow Serving does not name a single output, and writes text as base64."""
    named = _named(answer["outputs"], tensors)
    return {name: _texts(value) for name, value in named.items()}


def _named(outputs: Any, tensors: Tensors) -> Mapping[str, Any]:
    names = _all_outputs(tensors)
    return {names[0]: outputs} if len(names) == 1 else dict(outputs)


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return b64decode(value["b64"]).decode(errors="replace")
    return value


def _torchserve_outputs(tensors: Tensors) -> Sequence[str]:
    """Return all outputs; none for an answer of one text, which is not JSON in TorchServe."""
    first, *others = tensors["outputs"]
    text = first["datatype"] == "BYTES" and len(first["data"]) == 1 and not others
    return () if text else _all_in_json(tensors)


def _read_torchserve(answer: Any, tensors: Tensors) -> Mapping[str, Any]:
    """TorchServe does not name a single output, and writes `[x]` as `x`."""
    alone = len(tensors["outputs"]) == 1 and tensors["outputs"][0]["shape"] == [1]
    return _named([answer] if alone else answer, tensors)


def _only_float(tensors: Tensors, fits: Callable[[Sequence[int]], bool]) -> Sequence[str]:
    """Return the only float output that fits, if each input has a row of values per example."""
    rows = {tensor["shape"][0] if tensor["shape"] else 0 for tensor in tensors["inputs"]}
    if len(rows) != 1 or 0 in rows or any(len(it["shape"]) > _MATRIX for it in tensors["inputs"]):
        return ()
    found = [
        tensor["name"]
        for tensor in tensors["outputs"]
        if tensor["datatype"] in _FLOATS
        and tensor["shape"][:1] == [*rows]
        and fits(tensor["shape"])
    ]
    return found if len(found) == 1 else ()


def _scores(tensors: Tensors) -> Sequence[str]:
    return _only_float(tensors, lambda shape: len(shape) == _MATRIX)


def _values(tensors: Tensors) -> Sequence[str]:
    return _only_float(tensors, lambda shape: shape[1:] in ([], [1]))


def _write_examples(tensors: Tensors) -> Any:
    columns = by_name(tensors["inputs"])
    return {
        "examples": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    }


def _read_scores(answer: Any, tensors: Tensors) -> Mapping[str, Any]:
    return {_scores(tensors)[0]: [[score for _, score in row] for row in answer["results"]]}


def _read_regressions(answer: Any, tensors: Tensors) -> Mapping[str, Any]:
    """Return a value for each example, in the nesting of the golden output."""
    (name,) = _values(tensors)
    shape = next(it["shape"] for it in tensors["outputs"] if it["name"] == name)
    results = answer["results"]
    return {name: [[value] for value in results] if len(shape) == _MATRIX else results}


def _embeddings(tensors: Tensors) -> Sequence[str]:
    """Return the only float matrix, for a model of one text per row."""
    inputs = tensors["inputs"]
    if len(inputs) != 1 or inputs[0]["datatype"] != "BYTES" or not all(inputs[0]["data"]):
        return ()
    return _scores(tensors) if len(inputs[0]["data"]) == inputs[0]["shape"][0] else ()


def _write_texts(tensors: Tensors) -> Any:
    return {"input": tensors["inputs"][0]["data"]}


def _read_embeddings(answer: Any, tensors: Tensors) -> Mapping[str, Any]:
    return {_embeddings(tensors)[0]: [each["embedding"] for each in answer["data"]]}


CODECS: Mapping[tuple[str, str], Codec] = MappingProxyType(
    {
        ("plain", "predict"): Codec(_all_outputs, _write_values, _read_values, "version"),
        ("open_inference", "infer"): Codec(
            _all_in_json, _write_tensors, _read_tensors, "model_version"
        ),
        ("sagemaker", "invoke"): Codec(
            _all_in_json, _write_tensors, _read_tensors, "model_version"
        ),
        ("tensorflow_serving", "predict"): Codec(_all_in_json, _write_values, _read_columns),
        ("tensorflow_serving", "classify"): Codec(_scores, _write_examples, _read_scores),
        ("tensorflow_serving", "regress"): Codec(_values, _write_examples, _read_regressions),
        ("torchserve", "predict"): Codec(_torchserve_outputs, _write_values, _read_torchserve),
        ("openai", "embed"): Codec(_embeddings, _write_texts, _read_embeddings),
    }
)
"""By dialect and operation."""
