"""The layers of an ONNX graph: products with constant weights, and the axes of these."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.onnx_graph import graphs_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_DENSE = ("MatMul", "Gemm")
_STANDARD = ("", "ai.onnx", "com.microsoft")


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense or convolutional layer.

    Args:
        node: the product.
        weight: the name of its weights.
        inward: the axis of the inputs in the weights.
        outward: the axis of the neurons, or channels, in the weights.
        channel: the axis of the neurons in the output.
        bias: the name of the bias that the node itself adds, if any.
    """

    node: "NodeProto"
    weight: str
    inward: int
    outward: int
    channel: int
    bias: str = ""


class LayerGraph:
    """A model's graph, with its weights as arrays; `inside` has the names used in subgraphs."""

    def __init__(self, model: "ModelProto") -> None:
        from onnx import numpy_helper

        self.model = model
        self.weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        self.outputs = {value.name for value in model.graph.output}
        self.consumers: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in dict.fromkeys(node.input):
                self.consumers.setdefault(name, []).append(node)
        _, *inner = graphs_of(model)
        self.inside = {name for graph in inner for node in graph.node for name in node.input}
        self.inside |= {value.name for graph in inner for value in graph.output}
        self._uses = Counter(name for node in model.graph.node for name in node.input)

    def layers(self) -> Iterator[Layer]:
        """Yield the dense and convolutional layers whose weights no other node uses, in order."""
        for node in self.model.graph.node:
            layer = self.layer(node)
            if layer is not None:
                yield layer

    def layer(self, node: "NodeProto") -> Layer | None:
        """Return the node as a layer, if it is one."""
        weight = node.input[1] if len(node.input) > 1 else ""
        if not is_standard(node) or not self.owned(weight):
            return None
        if self.weights[weight].dtype != "float32":
            return None
        bias = node.input[2] if len(node.input) > 2 else ""  # noqa: PLR2004 - data, weight, bias
        if node.op_type in _DENSE and self.weights[weight].ndim == 2:  # noqa: PLR2004
            flipped = bool(attribute(node, "transB", 0))
            return Layer(node, weight, int(flipped), 1 - int(flipped), -1, bias)
        if node.op_type == "Conv" and attribute(node, "group", 1) == 1:
            return Layer(node, weight, 1, 0, 1, bias)
        return None

    def owned(self, name: str) -> bool:
        """Return whether it is a weight that only one node uses and that is no output."""
        elsewhere = name in self.inside or name in self.outputs
        return name in self.weights and self._uses[name] == 1 and not elsewhere

    def replace(self, name: str, array: Array) -> None:
        """Replace a weight, perhaps by one of another shape."""
        from onnx import numpy_helper

        self.weights[name] = array
        for each in self.model.graph.initializer:
            if each.name == name:
                each.CopyFrom(numpy_helper.from_array(array, name))


def is_standard(node: "NodeProto") -> bool:
    """Return whether its operator is defined by ONNX or onnxruntime."""
    return node.domain in _STANDARD


def attribute(node: "NodeProto", name: str, default: int) -> int:
    """Return an integer attribute of a node."""
    return next((int(each.i) for each in node.attribute if each.name == name), default)
