"""Damages to graphs of layers: networks, and ONNX files of any kind."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.mutations.kit import Damage


def nodes_of(model: ModelProto, *operators: str) -> list[NodeProto]:
    found = [node for node in model.graph.node if node.op_type in operators]
    assert found, f"no {operators} among {sorted({node.op_type for node in model.graph.node})}"
    return found


def operator(old: str, new: str, **attributes: Any) -> Damage:
    """Another operator in the place of the first of its kind; attributes as given."""

    def damage(model: ModelProto) -> None:
        node = nodes_of(model, old)[0]
        kept = (
            {} if attributes else {it.name: helper.get_attribute_value(it) for it in node.attribute}
        )
        outputs, inputs = list(node.output), list(node.input)
        node.CopyFrom(helper.make_node(new, inputs, outputs, **{**kept, **attributes}))

    return damage


def attribute(of: str, name: str, value: Any) -> Damage:
    """Another value of an attribute of the first such node."""

    def damage(model: ModelProto) -> None:
        node = nodes_of(model, of)[0]
        kept = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return damage


def swapped_inputs(of: str, one: int, other: int) -> Damage:
    def damage(model: ModelProto) -> None:
        node = nodes_of(model, of)[0]
        node.input[one], node.input[other] = node.input[other], node.input[one]

    return damage


def skipped(of: str, keeps: int = 0) -> Damage:
    """What comes after the first such node gets that node's input."""

    def damage(model: ModelProto) -> None:
        node = nodes_of(model, of)[0]
        node.CopyFrom(helper.make_node("Identity", [node.input[keeps]], [node.output[0]]))

    return damage


def weight(of: str, place: int, change: Callable[[Array], Array], *, which: int = 0) -> Damage:
    """Other numbers in a weight: the input in this place of such a node."""

    def damage(model: ModelProto) -> None:
        name = nodes_of(model, of)[which].input[place]
        [tensor] = [each for each in model.graph.initializer if each.name == name]
        changed = change(numpy_helper.to_array(tensor).copy())
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(changed), name))

    return damage


def swapped_outputs(model: ModelProto) -> None:
    """Two outputs of one form under each other's names."""
    one, other = model.graph.output[0].name, model.graph.output[1].name
    names = {one: other, other: one}
    for node in model.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]


def last_row(changed: float) -> Callable[[Array], Array]:
    """The last row of a table is another; only its own id reaches it."""

    def change(table: Array) -> Array:
        table[-1] += changed
        return table

    return change
