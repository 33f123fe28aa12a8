"""Rows at the constants that a graph compares with, and rows of other sizes.

Graphs compare inputs with constants (`torch.where(x > 0.5, ...)`), which random numbers never hit.
Exporters keep one branch of code that depends on sizes, and note up to which size it is valid.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.check.probes import Probe, Request
from lading.model_packaging.check.probing import beside
from lading.model_packaging.check.samples import resized
from lading.model_packaging.onnx_graph import walk

if TYPE_CHECKING:
    from onnx import ModelProto

_COMPARING = frozenset(
    ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Clip", "Max", "Min", "Mod")
)
_FEW = 256
_MOST_VALUES = 64
_MOST_ELEMENTS = 1 << 20
_SIZES = (1, 2, 3, 6, 7)
_MOST_SIZE = 1024

_ADVICE = "state the size of this axis as a number under inputs:"


def decision_probes(
    model: "ModelProto", specs: Sequence[TensorSpec], rows: Request
) -> tuple[Probe, ...]:
    """Return rows that hold the constants that a graph compares with, and their neighbors.

    Args:
        model: the graph.
        specs: its inputs.
        rows: some rows that the original answers.
    """
    found = compared(model)
    values = beside(_spread(found), np.dtype(np.float32)) if found else []
    batched = all(spec.shape and spec.shape[0] == -1 for spec in specs)
    if not values or not batched:
        return ()
    count = len(values)
    repeated = {name: resized(array, (0,), count) for name, array in rows.items()}
    return tuple(
        Probe(f"a value that the graph compares with in '{spec.name}'", changed)
        for spec in specs
        if spec.datatype in ("FP32", "FP64", "FP16")
        for changed in _holding(repeated, spec.name, values)
    )


def compared(model: "ModelProto") -> list[float]:
    """Return numbers that the graph compares with, from small weights and constants."""
    found: set[float] = set()
    constants = _constants(model)
    for node in walk(model.graph.node):
        if node.op_type in _COMPARING:
            for name in node.input:
                found.update(constants.get(name, ()))
    return sorted(value for value in found if np.isfinite(value))


def _constants(model: "ModelProto") -> dict[str, list[float]]:
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in walk(model.graph.node):
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    few = {name: it for name, it in tensors.items() if int(np.prod(it.dims)) <= _FEW}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in few.items()}
    return {
        name: array.astype(np.float64).ravel().tolist()
        for name, array in arrays.items()
        if array.dtype.kind in "fiu"
    }


def _spread(values: Sequence[float]) -> list[float]:
    """Return the values, or evenly spaced ones where there are many."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_VALUES)).astype(int))
    return [values[place] for place in places]


def _holding(rows: Request, name: str, values: Sequence[float]) -> Iterator[Request]:
    """Yield the rows with one value each: everywhere, and in one place."""
    array = rows[name]
    flat = array.reshape(len(array), -1)
    with np.errstate(over="ignore"):
        column = np.asarray(values).astype(array.dtype)
    everywhere = np.broadcast_to(column[:, None], flat.shape)
    alone = flat.copy()
    places = np.arange(len(flat))
    alone[places, places % flat.shape[1]] = column
    for changed in (everywhere, alone):
        yield {**rows, name: changed.reshape(array.shape).copy()}


def size_probes(
    arrays: Request,
    axes: Mapping[str, Mapping[int, str]],
    edges: Mapping[str, Collection[int]] | None = None,
) -> tuple[Probe, ...]:
    """Return rows of other sizes of each free axis.

    Args:
        arrays: some rows that the original answers.
        axes: the free axes of each input, and their names.
        edges: sizes of an axis to try, with those beside them; several small ones when None.
    """
    words = {word for each in axes.values() for word in each.values()}
    probes = []
    for word in sorted(words if edges is None else edges):
        beside = {edge + step for edge in (edges or {}).get(word, ()) for step in (-1, 0, 1)}
        for size in sorted(_SIZES if edges is None else beside):
            changed = with_size(arrays, axes, word, size)
            elements = sum(array.size for array in changed.values())
            if 0 < size <= _MOST_SIZE and elements <= _MOST_ELEMENTS:
                kind = f"size {size} along '{word}'"
                probes.append(Probe(kind, changed, binding=False, advice=_ADVICE))
    return tuple(probes)


def with_size(
    arrays: Request, axes: Mapping[str, Mapping[int, str]], word: str, size: int
) -> Request:
    """Return the arrays with another size of the axes of this name, their elements repeated."""
    changed = dict(arrays)
    for name, each in axes.items():
        for axis, called in each.items():
            if called == word:
                changed[name] = resized(changed[name], (axis,), min(max(size, 0), _MOST_SIZE))
    return changed
