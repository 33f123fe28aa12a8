"""Finds what a converted graph shows about its inputs: vocabularies, bins, means, sizes.

Layers such as Keras' lookups, `Discretization`, `Normalization` and `Embedding` directly follow the
inputs, so they can be found in the graph of a SavedModel and of a TFLite file, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.probes import Column, Known

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

_PASSING = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
"""Operators that keep the values of their first input."""
_CHANGING = frozenset({"Add", "Clip", "Max", "Min", "Mul", "Sub", "Transpose", "Where"})
"""Operators between ids and the rows that they pick: Keras accepts negative ids, too."""
_LOOKUP = "LabelEncoder"
_PICKS = {"Gather": (1, 0), "OneHot": (0, 1)}
"""Operators that pick by number: places of the inputs with the numbers and with their end."""
_MOST_COLUMNS = 256

_Constants = Mapping[str, Array]


@dataclass(slots=True)
class _Found:
    """Findings about an input's values, from the operators after it."""

    thresholds: list[float] = field(default_factory=list)
    categories: list[Any] = field(default_factory=list)
    typical: list[Array] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def columns(self, width: int) -> tuple[Column, ...]:
        """Return a column for each value of the last axis if they differ, else one for all."""
        if not (self.thresholds or self.categories or self.typical):
            return ()
        shared = (tuple(self.thresholds), tuple(self.categories))
        if 1 < width <= _MOST_COLUMNS and any(each.size > 1 for each in self.typical):
            spread = [np.broadcast_to(each.reshape(-1), width) for each in self.typical]
            return tuple(
                Column(*shared, tuple(float(each[place]) for each in spread))
                for place in range(width)
            )
        values = [each.reshape(-1) for each in self.typical]
        return (Column(*shared, tuple(map(float, np.concatenate(values))) if values else ()),)


def known_inputs(model: "ModelProto", *, unrounded: bool = False) -> dict[str, Known]:
    """Return what the graph shows about each input.

    Args:
        model: the graph.
        unrounded: whether the original accepts float64 where the graph accepts float32.
    """
    from onnx import TensorProto, numpy_helper

    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    known = {}
    for value in model.graph.input:
        found = _Found()
        for node, name in _readers(model, value.name, _PASSING):
            _note(found, model, node, name, constants)
        for node, name in _readers(model, value.name, _PASSING | _CHANGING):
            _count(found, node, name, constants)
        wide = unrounded and value.type.tensor_type.elem_type == TensorProto.FLOAT
        columns = found.columns(_width(value))
        highest = min(found.rows) - 1 if found.rows else None
        if wide or columns or highest is not None:
            dtype = np.dtype(np.float64) if wide else None
            known[value.name] = Known(dtype, columns, highest)
    return known


def _width(value: "ValueInfoProto") -> int:
    sizes = value.type.tensor_type.shape.dim
    return int(sizes[-1].dim_value) if len(sizes) > 1 else 1


def _readers(
    model: "ModelProto", name: str, passing: frozenset[str]
) -> "Iterator[tuple[NodeProto, str]]":
    """Yield the nodes that read an input's values through these operators, and their name."""
    names = [name]
    for source in names:
        for node in model.graph.node:
            if source not in node.input:
                continue
            yield node, source
            if node.op_type in passing and node.output[0] not in names:
                names.append(node.output[0])


def _count(found: _Found, node: "NodeProto", name: str, constants: _Constants) -> None:
    """Add the number of rows that numbers of this name pick from."""
    numbers, end = _PICKS.get(node.op_type, (None, None))
    if numbers is None or end is None or node.input[numbers] != name:
        return
    constant = constants.get(node.input[end])
    if constant is not None and constant.size:
        found.rows.append(len(constant) if node.op_type == "Gather" else int(constant.flat[0]))


def _note(
    found: _Found, model: "ModelProto", node: "NodeProto", name: str, constants: _Constants
) -> None:
    """Add what one operator shows about the values with this name."""
    if node.op_type == _LOOKUP:
        found.categories += _keys(node)
    others = [constants[each] for each in node.input if each != name and each in constants]
    if not others:
        return
    if node.op_type in ("Less", "Greater", "LessOrEqual", "GreaterOrEqual"):
        found.thresholds += map(float, others[0].reshape(-1))
    elif node.op_type in ("Sub", "Add") and others[0].dtype.kind == "f":
        middle = others[0] if node.op_type == "Sub" else -others[0]
        scale = _scale(model, node.output[0], constants)
        found.typical += [middle, middle - scale, middle + scale, middle - 3 * scale]


def _keys(node: "NodeProto") -> list[Any]:
    """Return the keys of a lookup table: texts as bytes, or numbers."""
    for attribute in node.attribute:
        if attribute.name.startswith("keys_"):
            return [*attribute.strings, *attribute.ints, *attribute.floats]
    return []


def _scale(model: "ModelProto", name: str, constants: _Constants) -> Array:
    """Return the divisor of the differences from the mean; 1 without one."""
    for node in model.graph.node:
        if node.op_type in ("Div", "Mul") and node.input[0] == name and node.input[1] in constants:
            factor = constants[node.input[1]]
            with np.errstate(divide="ignore"):
                scale = factor if node.op_type == "Div" else 1 / factor
            return np.where(np.isfinite(scale), np.abs(scale), 1)
    return np.ones(())
