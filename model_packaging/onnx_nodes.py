"""An ONNX graph that is written node by node."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

NAME = "lading"
OPSETS = {"": 17, "ai.onnx.ml": 3}
_IR_VERSION = 8  # the version that belongs to these operator sets


class Nodes:
    """The nodes and constants of a graph. Each method returns the name of what it adds."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._tensors: list[TensorProto] = []
        self._embedded = 0

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a constant; equal ones are stored once."""
        from onnx import numpy_helper

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

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        return self.nodes(1, operator, *inputs, domain=domain, **attributes)[0]

    def nodes(
        self, count: int, operator: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs."""
        from onnx import helper

        outputs = [f"{operator.lower()}_{len(self._nodes)}_{each}" for each in range(count)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return outputs

    def embed(self, model: "ModelProto", feeds: Mapping[str, str]) -> list[str]:
        """Add a whole model; its inputs are the tensors that `feeds` names.

        Returns:
            the names of its outputs, in their order.
        """
        from onnx import NodeProto, TensorProto

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
            copied = NodeProto()
            copied.CopyFrom(node)
            copied.name, copied.doc_string = "", ""
            copied.input[:] = map(renamed, node.input)
            copied.output[:] = map(renamed, node.output)
            self._nodes.append(copied)
        return [renamed(value.name) for value in model.graph.output]

    def named(self, tensor: str, name: str) -> None:
        """Give a tensor the name of an output of the graph."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [tensor], [name]))

    def model(
        self, inputs: Sequence["ValueInfoProto"], outputs: Sequence["ValueInfoProto"]
    ) -> "ModelProto":
        """Return the graph as a model, without nodes that its outputs do not need."""
        from onnx import helper

        needed, nodes = {value.name for value in outputs}, []
        for node in reversed(self._nodes):
            if not needed.isdisjoint(node.output):
                needed.update(node.input)
                nodes.append(node)
        tensors = [tensor for tensor in self._tensors if tensor.name in needed]
        graph = helper.make_graph(nodes[::-1], NAME, inputs, outputs, tensors)
        opsets = [helper.make_opsetid(domain, number) for domain, number in OPSETS.items()]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name=NAME
        )


def element_type(dtype: Any) -> int:
    """Return ONNX's number of a numpy dtype; texts are objects or strings of numpy."""
    from onnx import TensorProto, helper

    if np.dtype(dtype).kind in "OUS":
        return TensorProto.STRING
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def value_info(name: str, dtype: Any, shape: Sequence[int | str]) -> "ValueInfoProto":
    """Describe an input or output of a graph."""
    from onnx import helper

    return helper.make_tensor_value_info(name, element_type(dtype), list(shape))
