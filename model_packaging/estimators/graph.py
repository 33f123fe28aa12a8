"""An ONNX graph that grows node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.notes import Notes

OPSETS = {"": 17, "ai.onnx.ml": 3}
ML = "ai.onnx.ml"
NAME = "lading"

_ELEMENTS = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float64): TensorProto.DOUBLE,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.bool_): TensorProto.BOOL,
    np.dtype(np.object_): TensorProto.STRING,
}
"""numpy dtype -> ONNX element type; texts are objects."""


class NoOnnxForm(Exception):
    """An estimator that has no ONNX form here; the text says which, after "the model"."""


class TooNarrow(NoOnnxForm):
    """What float32 cannot express, and float64 can."""


class GraphBuilder:
    """Nodes and constants; every method that adds a node returns the name of its output.

    Args:
        dtype: of the numbers that it computes with, float32 or float64.
    """

    def __init__(self, dtype: Any = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self.notes = Notes()
        self.steps: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._tensors: list[TensorProto] = []
        self._embedded = 0

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A constant; equal ones are stored once."""
        array = np.asarray(value, dtype)
        if array.dtype.kind in "US":
            array = array.astype(np.object_)
        content = repr(array.tolist()).encode() if array.dtype.kind == "O" else array.tobytes()
        key = (str(array.dtype), array.shape, content)
        if key not in self._constants:
            name = self._constants[key] = f"constant_{len(self._constants)}"
            self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
            if not array.ndim:  # ascontiguousarray makes a scalar an array of one
                del self._tensors[-1].dims[:]
        return self._constants[key]

    def number(self, value: Any) -> str:
        """A constant of the dtype that the graph computes with."""
        return self.constant(value, self.dtype)

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The only output of a new node."""
        return self.nodes(1, operator, *inputs, domain=domain, **attributes)[0]

    def nodes(
        self, count: int, operator: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        """The outputs of a new node."""
        outputs = [f"{operator.lower()}_{len(self._nodes)}_{each}" for each in range(count)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return outputs

    def cast(self, tensor: str, dtype: Any = None) -> str:
        """The tensor in another dtype; in the graph's own when none is said."""
        return self.node("Cast", tensor, to=_ELEMENTS[np.dtype(dtype or self.dtype)])

    def flat(self, tensor: str) -> str:
        """A tensor of shape [rows, 1] as one of shape [rows]."""
        return self.node("Reshape", tensor, self.constant([-1]))

    def upright(self, tensor: str) -> str:
        """A tensor of shape [rows] as one of shape [rows, 1]."""
        return self.node("Reshape", tensor, self.constant([-1, 1]))

    def join(self, tensors: Sequence[str]) -> str:
        """Tensors of shape [rows, columns] side by side."""
        return tensors[0] if len(tensors) == 1 else self.node("Concat", *tensors, axis=1)

    def take(self, tensor: str, columns: Sequence[int]) -> str:
        """Columns of a tensor of shape [rows, columns]."""
        return self.node("Gather", tensor, self.constant(list(columns), np.int64), axis=1)

    def choose(self, values: Any, index: str) -> str:
        """Of the constant `values`, those at the places in `index`.

        Weights that hold NaN are refused as those of a failed training, so a NaN that is meant, as
        what an encoder makes of a missing category, is a constant of its own.
        """
        array = np.asarray(values)
        if array.dtype.kind != "f" or not np.isnan(array).any():
            return self.node("Gather", self.constant(array), index, axis=0)
        nothing = np.isnan(array)
        chosen = self.choose(np.where(nothing, array.dtype.type(0), array), index)
        lone = self.constant(np.nan, array.dtype)
        return self.node("Where", self.choose(nothing, index), lone, chosen)

    def best(self, scores: str) -> str:
        """The column of the largest score of each row, the first of equals: int64 of [rows]."""
        return self.node("ArgMax", scores, axis=1, keepdims=0)

    def embed(self, model: ModelProto, feeds: Mapping[str, str]) -> list[str]:
        """Add a whole model; its inputs are the tensors that `feeds` names.

        Returns:
            the names of its outputs, in their order.
        """
        self._embedded += 1
        names = dict(feeds)

        def renamed(name: str) -> str:
            return names.setdefault(name, f"part_{self._embedded}_{name}") if name else ""

        for tensor in model.graph.initializer:
            copy = TensorProto()
            copy.CopyFrom(tensor)
            copy.name = renamed(tensor.name)
            self._tensors.append(copy)
        for node in model.graph.node:
            copied = helper.make_node("", [], [])
            copied.CopyFrom(node)
            copied.name, copied.doc_string = "", ""
            copied.input[:] = map(renamed, node.input)
            copied.output[:] = map(renamed, node.output)
            self._nodes.append(copied)
        return [renamed(value.name) for value in model.graph.output]

    def named(self, tensor: str, name: str) -> None:
        """Give a tensor the name of an output of the graph."""
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))

    def model(
        self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> ModelProto:
        """The graph as a model, without what its outputs do not need."""
        needed, nodes = {value.name for value in outputs}, []
        for node in reversed(self._nodes):
            if not needed.isdisjoint(node.output):
                needed.update(node.input)
                nodes.append(node)
        tensors = [tensor for tensor in self._tensors if tensor.name in needed]
        graph = helper.make_graph(nodes[::-1], NAME, inputs, outputs, tensors)
        opsets = [helper.make_opsetid(domain, number) for domain, number in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def value_info(name: str, dtype: Any, shape: Sequence[int | str]) -> ValueInfoProto:
    """An input or output of a graph."""
    return helper.make_tensor_value_info(name, _ELEMENTS[np.dtype(dtype)], list(shape))


def as_array(value: Any) -> Array:
    """What an estimator gave, as a dense array."""
    return np.asarray(value.toarray() if hasattr(value, "toarray") else value)
