"""Rewrites products with constant weights into the form that onnxruntime quantizes correctly.

Its quantizers skip a `Gemm` that scales its product, and `static` loses the scale of the bias. So
each `Gemm` becomes a `MatMul`, whose weights include `alpha` and the transposition, and an `Add`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.onnx_graph import graphs_of, inner_graphs, walk
from lading.model_packaging.quantization.graphs import copied

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_MATRIX = 2
_RECURRENT = (1, 2)
"""Places of the weights among the inputs of an `LSTM`."""


def spell_out(model: "ModelProto", keep: Collection[str]) -> None:
    """Turn `Gemm` nodes with constant float32 weights into `MatMul` and `Add`, in place.

    Args:
        model: the model, its constants among the weights and its nodes named.
        keep: names of nodes that stay unchanged.
    """
    known = {name for graph in graphs_of(model) for name in _values(graph)}
    _spell_out(model.graph, {}, keep, known)
    drop_unused(model)


def batched(model: "ModelProto") -> list[str]:
    """Return the names of the products whose constant float32 weights are a stack of matrices."""
    from onnx import TensorProto

    return [
        node.name
        for node, weight in products(model)
        if len(weight.dims) > _MATRIX and weight.data_type == TensorProto.FLOAT
    ]


def unfit(model: "ModelProto", *types: int) -> list[str]:
    """Return the names of the products whose constant weights are not a matrix of these types."""
    return [
        node.name
        for node, weight in products(model)
        if len(weight.dims) != _MATRIX or weight.data_type not in types
    ]


def own_recurrent_weights(model: "ModelProto") -> None:
    """Give each `LSTM` weights that no other node uses, in place: the library reshapes them."""
    uses = Counter(name for node in walk(model.graph.node) for name in node.input)
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        for place in _RECURRENT if node.op_type == "LSTM" else ():
            name = node.input[place]
            if name in weights and uses[name] > 1:
                own = copied(weights[name])
                own.name = node.input[place] = f"{name}_{node.name}_{place}"
                model.graph.initializer.append(own)


def drop_unused(model: "ModelProto") -> None:
    """Remove the weights that no node uses and no graph returns, in place."""
    used = {value.name for graph in graphs_of(model) for value in graph.output}
    used |= {name for node in walk(model.graph.node) for name in node.input}
    for graph in graphs_of(model):
        kept = [weight for weight in graph.initializer if weight.name in used]
        if len(kept) < len(graph.initializer):
            copies = [copied(weight) for weight in kept]
            graph.ClearField("initializer")
            graph.initializer.extend(copies)


def products(model: "ModelProto") -> Iterator[tuple["NodeProto", "TensorProto"]]:
    """Yield each `MatMul` by constant weights, with the weights."""
    weights = {weight.name: weight for graph in graphs_of(model) for weight in graph.initializer}
    for node in walk(model.graph.node):
        if node.op_type == "MatMul" and node.input[1] in weights:
            yield node, weights[node.input[1]]


def _values(graph: "GraphProto") -> Iterator[str]:
    yield from (value.name for value in (*graph.input, *graph.initializer))
    for node in graph.node:
        yield from node.output


def _spell_out(
    graph: "GraphProto", outer: Mapping[str, "TensorProto"], keep: Collection[str], known: set[str]
) -> None:
    weights = {**outer, **{weight.name: weight for weight in graph.initializer}}
    nodes: list[NodeProto] = []
    for node in graph.node:
        for inner in inner_graphs(node):
            _spell_out(inner, weights, keep, known)
        if node.op_type == "Gemm" and node.name not in keep and _has_matrix(node, weights):
            nodes += _Gemm(graph, weights, known).nodes(node)
        else:
            nodes.append(copied(node))
    graph.ClearField("node")
    graph.node.extend(nodes)


def _has_matrix(node: "NodeProto", weights: Mapping[str, "TensorProto"]) -> bool:
    from onnx import TensorProto

    weight = weights.get(node.input[1])
    return weight is not None and weight.data_type == TensorProto.FLOAT


class _Gemm:
    """Rewrites the `Gemm` nodes of one graph, and adds their weights to it."""

    def __init__(
        self, graph: "GraphProto", weights: Mapping[str, "TensorProto"], known: set[str]
    ) -> None:
        self._graph, self._weights, self._known = graph, weights, known

    def nodes(self, node: "NodeProto") -> Iterator["NodeProto"]:
        from onnx.helper import get_node_attr_value, make_node

        given = {each.name: get_node_attr_value(node, each.name) for each in node.attribute}
        rows, bias = node.input[0], "".join(node.input[2:3])
        if given.get("transA"):
            rows = self._fresh(f"{node.name}_rows")
            turned = [node.input[0]], [rows]
            yield make_node("Transpose", *turned, name=f"{node.name}_transpose", perm=[1, 0])
        weight = self._weight(node, given)
        scale = given.get("beta", 1.0)
        if not bias or not scale:
            yield make_node("MatMul", [rows, weight], node.output, name=node.name)
            return
        product = self._fresh(f"{node.name}_product")
        yield make_node("MatMul", [rows, weight], [product], name=node.name)
        if scale != 1:
            bias, whole = self._fresh(f"{node.name}_bias"), bias
            factor = self._add(f"{node.name}_beta", np.float32(scale))
            yield make_node("Mul", [whole, factor], [bias], name=f"{node.name}_scale")
        yield make_node("Add", [product, bias], node.output, name=f"{node.name}_add")

    def _weight(self, node: "NodeProto", given: Mapping[str, float]) -> str:
        from onnx import numpy_helper

        name, scale = str(node.input[1]), given.get("alpha", 1.0)
        if scale == 1 and not given.get("transB"):
            return name
        array = numpy_helper.to_array(self._weights[name])
        turned = array.T if given.get("transB") else array
        return self._add(f"{name}_{node.name}", np.ascontiguousarray(turned) * np.float32(scale))

    def _add(self, name: str, array: "Array | np.float32") -> str:
        from onnx import numpy_helper

        fresh = self._fresh(name)
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(array), fresh))
        return fresh

    def _fresh(self, name: str) -> str:
        while name in self._known:
            name += "_"
        self._known.add(name)
        return name
