"""Damages to the trees of a graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from tests.model_packaging.mutations.kit import Damage


def of_type(model: ModelProto, kind: str) -> NodeProto:
    """The last node of that type."""
    found: list[NodeProto] = [node for node in model.graph.node if node.op_type == kind]
    return found[-1]


def values_of(node: NodeProto, name: str) -> Array:
    """An attribute of the trees, which may be a tensor."""
    for attribute in node.attribute:
        if attribute.name == name:
            return np.array(helper.get_attribute_value(attribute))
        if attribute.name == f"{name}_as_tensor":
            return numpy_helper.to_array(attribute.t).copy()
    raise KeyError(name)


def put(node: NodeProto, name: str, values: Array) -> None:
    """Change an attribute of the trees."""
    [old] = [each for each in node.attribute if each.name in (name, f"{name}_as_tensor")]
    value: Any = values.tolist()
    if old.name != name:
        value = numpy_helper.from_array(values)
    new = helper.make_attribute(old.name, value)
    old.CopyFrom(new)


def trees(change: Callable[[dict[str, Array], Array], None]) -> Damage:
    """A damage to the arrays of the trees' node, by name; it is told which nodes are splits."""

    def damage(model: ModelProto) -> None:
        node = of_type(model, "TreeEnsembleRegressor")
        names = [each.name.removesuffix("_as_tensor") for each in node.attribute]
        arrays = {
            name: values_of(node, name) for name in names if name.startswith(("nodes_", "target_"))
        }
        change(arrays, np.flatnonzero(arrays["nodes_modes"] != b"LEAF"))
        for name, array in arrays.items():
            put(node, name, array)

    return damage


def swap_children(arrays: dict[str, Array], splits: Array) -> None:
    """The first split's children change places, and its missing values stay where they went."""
    first = splits[0]
    left, right = arrays["nodes_truenodeids"], arrays["nodes_falsenodeids"]
    left[first], right[first] = right[first], left[first]
    tracks = arrays["nodes_missing_value_tracks_true"]
    tracks[first] = 1 - tracks[first]


def compare_equal_otherwise(arrays: dict[str, Array], splits: Array) -> None:
    """A value that equals a threshold goes the other way."""
    modes = arrays["nodes_modes"]
    other = {b"BRANCH_LT": b"BRANCH_LEQ", b"BRANCH_LEQ": b"BRANCH_LT"}
    modes[splits] = [other[mode] for mode in modes[splits]]
    arrays["nodes_modes"] = modes


def compare_equal_otherwise_once(arrays: dict[str, Array], splits: Array) -> None:
    """The same, at the first split alone."""
    compare_equal_otherwise(arrays, splits[:1])


def move_threshold(arrays: dict[str, Array], splits: Array) -> None:
    """The first threshold is one step of its type higher."""
    values = arrays["nodes_values"]
    kind = np.float32 if values.dtype == np.float64 and _is_single(values) else values.dtype.type
    values[splits[0]] = np.nextafter(kind(values[splits[0]]), kind(np.inf))


def _is_single(values: Array) -> bool:
    return bool((values == values.astype(np.float32)).all())


def round_thresholds(arrays: dict[str, Array], splits: Array) -> None:
    """Thresholds are rounded to float32."""
    arrays["nodes_values"][splits] = arrays["nodes_values"][splits].astype(np.float32)


def send_missing_otherwise(arrays: dict[str, Array], splits: Array) -> None:
    """At the first split a missing value goes the other way."""
    tracks = arrays["nodes_missing_value_tracks_true"]
    tracks[splits[0]] = 1 - tracks[splits[0]]


def send_missing_right(arrays: dict[str, Array], splits: Array) -> None:
    """Missing values go right everywhere."""
    arrays["nodes_missing_value_tracks_true"][splits] = 0


def swap_columns(arrays: dict[str, Array], splits: Array) -> None:
    """Splits of the two columns that the first and another split look at change places."""
    features = arrays["nodes_featureids"]
    first = features[splits[0]]
    second = next(each for each in features[splits] if each != first)
    swapped = {first: second, second: first}
    features[splits] = [swapped.get(each, each) for each in features[splits]]


def drop_last_tree(arrays: dict[str, Array], _splits: Array) -> None:
    """The last tree adds nothing."""
    last = arrays["target_treeids"] == arrays["target_treeids"][-1]
    arrays["target_weights"][last] = 0


def change_a_leaf(arrays: dict[str, Array], _splits: Array) -> None:
    """One leaf's value has the other sign."""
    arrays["target_weights"][0] *= -1


def add_to_another_target(arrays: dict[str, Array], _splits: Array) -> None:
    """What trees add to the first target goes to the second."""
    arrays["target_ids"][arrays["target_ids"] == 0] = 1


TREES: dict[str, Damage] = {
    "children change places": trees(swap_children),
    "an equal value goes the other way": trees(compare_equal_otherwise),
    "an equal value goes the other way at one split": trees(compare_equal_otherwise_once),
    "a threshold is one step higher": trees(move_threshold),
    "a missing value goes the other way": trees(send_missing_otherwise),
    "missing values go right": trees(send_missing_right),
    "columns change places": trees(swap_columns),
    "the last tree is dropped": trees(drop_last_tree),
    "a leaf has the other sign": trees(change_a_leaf),
}
"""What can go wrong with every library's trees."""


def replace(kind: str, other: str, **attributes: Any) -> Damage:
    """The last operator of a type becomes another one."""

    def damage(model: ModelProto) -> None:
        node = of_type(model, kind)
        node.op_type = other
        del node.attribute[:]
        node.attribute.extend(helper.make_attribute(*each) for each in attributes.items())

    return damage


def skip(kind: str, keeps: int = 0) -> Damage:
    """The last operator of a type gives its input as it is."""

    def damage(model: ModelProto) -> None:
        node = of_type(model, kind)
        kept = node.input[keeps]
        node.op_type = "Identity"
        node.input[:] = [kept]
        del node.attribute[:]

    return damage


def scale_base(model: ModelProto) -> None:
    """The sums to which the trees add are dropped."""
    node = of_type(model, "TreeEnsembleRegressor")
    put(node, "base_values", np.zeros_like(values_of(node, "base_values")))


def category_of(node_column: int, by: float) -> Damage:
    """The bounds of the first categories of a column lie elsewhere."""

    def change(arrays: dict[str, Array], splits: Array) -> None:
        found = [each for each in splits if arrays["nodes_featureids"][each] == node_column]
        arrays["nodes_values"][found[0]] += by

    return trees(change)
