"""Boosted trees as ONNX's TreeEnsembleRegressor, which adds up the values of their leaves.

Thresholds and leaves are those of the library, and values are compared in its type. A split by
categories becomes a chain of numeric splits, one for each end of a run of categories, because not
every runtime supports sets. If a library changes zero, NaN or fractions before it compares them,
nodes before the trees change the column in the same way, once for each way of reading it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.tree_depth import runs
from lading.model_packaging.check.trees import (
    LEAF,
    NEAR_ZERO,
    BoostedTree,
    Forest,
    Reading,
    TreeArrays,
)
from lading.model_packaging.onnx_nodes import Nodes


def add_trees(nodes: Nodes, rows: str, forest: Forest) -> str:
    """Add the trees, and return the name of their sums: float32 of shape [rows, targets].

    Args:
        nodes: the graph to which they are added.
        rows: the name of the rows, of the forest's dtype and of shape [rows, columns].
        forest: the trees.
    """
    keys = _keys(forest)
    table = rows if keys is None else _table(nodes, rows, forest, keys)
    parts = [_flat(number, each, keys, forest.columns) for number, each in enumerate(forest.trees)]
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    values = {"nodes_values": merged.pop("nodes_values"), "base_values": forest.base}
    values["target_weights"] = merged.pop("target_weights")
    return nodes.node(
        "TreeEnsembleRegressor",
        table,
        domain="ai.onnx.ml",
        n_targets=len(forest.base),
        **{name: each.tolist() for name, each in merged.items()},
        **_floats(values, forest.dtype),
    )


def _floats(values: Mapping[str, Array], dtype: type[np.floating]) -> dict[str, Any]:
    """Return the attributes whose type is that of the rows."""
    from onnx import numpy_helper

    if dtype is np.float32:
        return {name: each.astype(dtype).tolist() for name, each in values.items()}
    return {
        f"{name}_as_tensor": numpy_helper.from_array(each.astype(dtype))
        for name, each in values.items()
    }


def _keys(forest: Forest) -> Array | None:
    """Return reading * columns + column of each use, sorted; None if all are read as they are."""
    found = [np.unique(_key(each, forest.columns)) for each in forest.trees]
    keys = np.unique(np.concatenate(found))
    return keys if keys.size and keys[-1] >= forest.columns else None


def _key(each: BoostedTree, columns: int) -> Array:
    splits = each.tree.splits()
    keys: Array = each.readings[splits].astype(np.int64) * columns + each.tree.column[splits]
    return keys


def _table(nodes: Nodes, rows: str, forest: Forest, keys: Array) -> str:
    """Add a table with one column for each of `keys`."""
    parts = []
    for reading in Reading:
        columns = keys[keys // forest.columns == reading] % forest.columns
        if columns.size:
            part = nodes.node("Gather", rows, nodes.constant(columns), axis=1)
            parts.append(_READ[reading](nodes, part, forest.dtype))
    return nodes.node("Concat", *parts, axis=1)


def _as_is(_nodes: Nodes, values: str, _dtype: type[np.floating]) -> str:
    return values


def _nan_as_zero(nodes: Nodes, values: str, dtype: type[np.floating]) -> str:
    missing = nodes.node("IsNaN", values)
    return nodes.node("Where", missing, nodes.constant(np.array(0, dtype)), values)


def _zero_as_nan(nodes: Nodes, values: str, dtype: type[np.floating]) -> str:
    least = nodes.constant(np.array(NEAR_ZERO, dtype))
    zero = nodes.node("LessOrEqual", nodes.node("Abs", values), least)
    return nodes.node("Where", zero, nodes.constant(np.array(np.nan, dtype)), values)


def _floor(nodes: Nodes, values: str, _dtype: type[np.floating]) -> str:
    return nodes.node("Floor", values)


def _category(nodes: Nodes, values: str, dtype: type[np.floating]) -> str:
    negative = nodes.node("Less", values, nodes.constant(np.array(0, dtype)))
    return nodes.node("Where", negative, nodes.node("Ceil", values), nodes.node("Floor", values))


_READ: Mapping[Reading, Callable[[Nodes, str, type[np.floating]], str]] = {
    Reading.AS_IS: _as_is,
    Reading.NAN_AS_ZERO: _nan_as_zero,
    Reading.ZERO_AS_NAN: _zero_as_nan,
    Reading.FLOOR: _floor,
    Reading.CATEGORY: _category,
}


def _flat(number: int, each: BoostedTree, keys: Array | None, columns: int) -> dict[str, Array]:
    """Return one tree's part of the attributes of TreeEnsembleRegressor."""
    tree = each.tree
    splits = tree.column != LEAF
    feature = np.where(splits, tree.column, 0)
    if keys is not None:
        feature[splits] = np.searchsorted(keys, _key(each, columns))
    mode = b"BRANCH_LEQ" if tree.inclusive else b"BRANCH_LT"
    nodes = {
        "nodes_featureids": feature,
        "nodes_values": np.where(splits, tree.threshold, 0),
        "nodes_truenodeids": np.where(splits, tree.left, 0),
        "nodes_falsenodeids": np.where(splits, tree.right, 0),
        "nodes_missing_value_tracks_true": np.where(splits, tree.missing_left, 0).astype(int),
        "nodes_modes": np.where(splits, mode, b"LEAF").astype(object),
    }
    nodes = _with_chains(nodes, tree)
    count = len(nodes["nodes_values"])
    nodes |= {"nodes_treeids": np.full(count, number), "nodes_nodeids": np.arange(count)}
    leaves, width = np.flatnonzero(~splits), each.values.shape[1]
    return nodes | {
        "target_treeids": np.full(len(leaves) * width, number),
        "target_nodeids": np.repeat(leaves, width),
        "target_ids": np.tile(np.arange(each.target, each.target + width), len(leaves)),
        "target_weights": each.values[leaves].ravel(),
    }


def _with_chains(nodes: dict[str, Array], tree: TreeArrays) -> dict[str, Array]:
    """Return the nodes, with each split by categories replaced by the first link of its chain.

    The other links are appended. The links of a chain share their children: runtimes accept that
    for true branches only, so no two links have the same false branch.
    """
    added: dict[str, list[Any]] = {name: [] for name in nodes}
    end = len(tree.column)
    for node, chosen in tree.categories.items():
        links = list(_links(chosen))
        follow = [*range(end, end + len(links) - 1), int(tree.right[node])]
        end += len(links) - 1
        first_inside = next(place for place, (_, inside) in enumerate(links) if inside)
        for place, (bound, inside) in enumerate(links):
            link = {
                "nodes_featureids": nodes["nodes_featureids"][node],
                "nodes_values": bound - 1 if tree.inclusive else bound,
                "nodes_truenodeids": tree.left[node] if inside else tree.right[node],
                "nodes_falsenodeids": follow[place],
                "nodes_missing_value_tracks_true": int(
                    tree.missing_left[node] and place == first_inside
                ),
                "nodes_modes": nodes["nodes_modes"][node],
            }
            for name, value in link.items():
                if place == 0:
                    nodes[name][node] = value
                else:
                    added[name].append(value)
    return {
        name: np.concatenate([each, np.array(added[name], each.dtype)])
        for name, each in nodes.items()
    }


def _links(chosen: frozenset[int]) -> Iterator[tuple[float, bool]]:
    """Yield rising bounds, and whether the values between the previous bound and it are chosen.

    Values above all bounds are not chosen.
    """
    if not chosen:
        yield -np.inf, True
    for first, last in runs(sorted(chosen)):
        yield first, False
        yield last + 1, True
