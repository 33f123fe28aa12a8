"""Refusals, by name, of what tf2onnx silently leaves out of a graph.

It leaves out checks that raise an error, random numbers, and state that is kept between calls.
"""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.difficult_rows import some_rows, various_rows
from lading.model_packaging.converters.tensorflow.frozen import Frozen, reachable, read_by
from lading.model_packaging.converters.tensorflow.signature import SavedSignature
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec

_CHECKS = frozenset({"Assert", "CheckNumerics", "CheckNumericsV2"})

_DROPOUT = "RandomUniform"
_CALLS = 8
"""The number of calls in which random answers differ."""

_HARMLESS = frozenset(
    {
        *("Case", "HashTableV2", "If", "LookupTableFindV2", "LookupTableSizeV2"),
        *("MutableHashTableV2", "PartitionedCall", "Placeholder", "PlaceholderWithDefault"),
        *("StatefulPartitionedCall", "While"),
    }
)
"""Operators that TensorFlow calls stateful, but that compute the same in each call."""


def require_nothing_left_out(spec: ModelSpec, signature: SavedSignature, frozen: Frozen) -> None:
    """Refuse a graph that checks its inputs, or whose answers depend on more than its inputs.

    Every check counts, unless a domain replaces it; other operators count only if an output depends
    on them. TensorFlow 1's dropout draws numbers even if it drops nothing; then answers repeat.

    Raises:
        ConversionError: names the first of them, and what to do.
    """
    from tensorflow.python.framework import op_def_registry

    for node in frozen.original:
        if node.op in _CHECKS and not _is_of(node, signature.checks):
            reason = f"raises an error for some inputs ({node.op} '{node.name}'), which ONNX cannot"
            raise ConversionError(
                spec.name, f"{reason}; check inputs outside the model, such as in code:"
            )
    for node in reachable(_needed(frozen), frozen.graph.library):
        known = op_def_registry.get(node.op)
        if known is None or not known.is_stateful or node.op in _HARMLESS:
            continue
        if node.op != _DROPOUT or not _is_repeatable(signature):
            reason = f"uses random numbers or state of earlier calls ({node.op} '{node.name}')"
            raise ConversionError(spec.name, f"{reason}; export it for inference, without these")


def _is_of(node: Any, layers: Collection[str]) -> bool:
    """Return whether an operator belongs to one of these layers, by the path in its name."""
    return any(f"/{layer}" in f"/{node.name}" for layer in layers)


def require_stateless(spec: ModelSpec, signature: SavedSignature) -> None:
    """Refuse a model that answers the same rows differently.

    Raises:
        ConversionError: it does.
    """
    if not _is_repeatable(signature):
        reason = "answers the same rows differently: it keeps state between calls, or draws"
        raise ConversionError(spec.name, f"{reason} random numbers; export it for inference")


def _is_repeatable(signature: SavedSignature) -> bool:
    """Return whether the original repeats its answers after a call with other rows."""
    rows, call = various_rows(signature.inputs), signature.reference()
    try:
        first = call(rows)
        call(some_rows(signature.inputs))
        repeated = [call(rows) for _ in range(_CALLS)]
    except ValueError:
        return True  # rows that it refuses show nothing
    return all(_equal(first[name], each[name]) for each in repeated for name in first)


def _equal(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def writes(frozen: Frozen) -> bool:
    """Return whether the graph writes variables.

    Many do without depending on them: dropout counts its random numbers even if it draws none.
    """
    return any(node.op.startswith("Assign") for node in frozen.original)


def _needed(frozen: Frozen) -> Iterator[Any]:
    """Yield the nodes from which the outputs are computed, up to the inputs."""
    nodes = {node.name: node for node in frozen.graph.node}
    waiting = [name.partition(":")[0] for name in frozen.outputs.values()]
    stops, seen = {name.partition(":")[0] for name in frozen.inputs.values()}, set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield nodes[name]
        if name not in stops:
            waiting += [each.partition(":")[0] for each in read_by(nodes[name])]
