"""What tf2onnx would leave out of a graph without a word: it is refused by name.

Checks that raise an error, random numbers, and state that one call leaves to the next.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.errors import ConversionError
from model_packaging.manifest import ModelSpec
from model_packaging.tensorflow.difficult_rows import some_rows
from model_packaging.tensorflow.frozen import Frozen, reachable, read_by
from model_packaging.tensorflow.signature import Signature

_CHECKS = frozenset({"Assert", "CheckNumerics", "CheckNumericsV2"})

_HARMLESS = frozenset(
    {
        *("Case", "HashTableV2", "If", "LookupTableFindV2", "LookupTableSizeV2"),
        *("MutableHashTableV2", "PartitionedCall", "Placeholder", "PlaceholderWithDefault"),
        *("StatefulPartitionedCall", "While"),
    }
)
"""Operators that TensorFlow calls stateful, and that compute the same at each call."""


def require_nothing_left_out(spec: ModelSpec, frozen: Frozen) -> None:
    """Refuse a graph that checks its inputs, or whose answers depend on more than its inputs.

    A check counts wherever it stands; of other operators only those that an output depends on.

    Raises:
        ConversionError: names the first of them, and what to do.
    """
    from tensorflow.python.framework import op_def_registry

    for node in frozen.original:
        if node.op in _CHECKS:
            reason = f"raises an error for some inputs ({node.op} '{node.name}'), which ONNX cannot"
            raise ConversionError(spec.name, f"{reason}; check inputs outside the model")
    for node in reachable(_needed(frozen), frozen.graph.library):
        known = op_def_registry.get(node.op)
        if known is not None and known.is_stateful and node.op not in _HARMLESS:
            reason = f"answers by chance or by what earlier calls left ({node.op} '{node.name}')"
            raise ConversionError(spec.name, f"{reason}; export it for inference, without that")


def require_stateless(spec: ModelSpec, signature: Signature) -> None:
    """Refuse a model that answers the same rows differently.

    Raises:
        ConversionError: it does.
    """
    rows = some_rows(signature.inputs)
    others = {name: _other(array) for name, array in rows.items()}
    call = signature.reference()
    try:
        first, _, second = call(rows), call(others), call(rows)
    except ValueError:
        return  # rows that it does not take tell nothing
    if any(not np.array_equal(first[name], second[name]) for name in first):
        reason = "answers the same rows differently: it keeps what earlier calls left, or draws"
        raise ConversionError(spec.name, f"{reason} random numbers; export it for inference")


def writes(frozen: Frozen) -> bool:
    """Whether the graph writes variables.

    Many do, and do not depend on them: dropout counts its random numbers when it draws none, too.
    """
    return any(node.op.startswith("Assign") for node in frozen.original)


def _other(array: Array) -> Array:
    return array + 1 if array.dtype.kind in "fiu" else array


def _needed(frozen: Frozen) -> Iterator[Any]:
    """The nodes that the outputs are computed from, up to the inputs."""
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
