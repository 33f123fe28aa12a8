"""A graph that is written node by node."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

OPSETS = {"": 17, "ai.onnx.ml": 3}
_IR_VERSION = 8  # the one that belongs to these operator sets


class Nodes:
    """Nodes and weights so far; each method gives the name of what it adds."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []

    def add(
        self, operator: str, *inputs: str, domain: str = "", output: str = "", **options: Any
    ) -> str:
        """Add a node; `options` are its attributes, and `output` a name of one's own."""
        from onnx import helper

        name = output or f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **options))
        return name

    def weight(self, value: Array | np.generic) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        name = f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def model(
        self, inputs: Sequence["ValueInfoProto"], outputs: Sequence["ValueInfoProto"]
    ) -> "ModelProto":
        """The model of these nodes."""
        from onnx import helper

        graph = helper.make_graph(self._nodes, "lading", inputs, outputs, self._weights)
        opsets = [helper.make_operatorsetid(*each) for each in OPSETS.items()]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="lading"
        )
