"""Composes the models of a node into one ONNX model with `onnx.compose`."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import ModelProto, TensorProto, compose, helper, version_converter

from lading.functions.inference.artifact.graph_nodes import GraphNode
from lading.model_packaging.graphs.nodes import PackagedNode

ELEMENTS = {"FP32": TensorProto.FLOAT, "FP64": TensorProto.DOUBLE}
_DEFAULT_DOMAIN = ("", "ai.onnx")
_IN, _OUT = "in_", "out_"


class NotMergeable(Exception):
    """The models of a node cannot be composed; the text says why."""


class Composer:
    """Composes nodes of one graph.

    Args:
        nodes: the nodes of the graph.
        models: its models, all of which are ONNX files.

    Raises:
        NotMergeable: their versions of ONNX's operators cannot be joined.
    """

    def __init__(self, nodes: Mapping[str, GraphNode], models: Mapping[str, PackagedNode]) -> None:
        self._nodes = nodes
        loaded = {
            name: onnx.load_from_string(node.published.artifact.model)
            for name, node in models.items()
            if node.published.artifact.model
        }
        self._opset = max(map(_opset, loaded.values()))
        self._ir = max(model.ir_version for model in loaded.values())
        self._models = {name: self._brought(model) for name, model in loaded.items()}
        self._count = 0

    def model(self, name: str) -> ModelProto:
        """Return a node or a model as one ONNX model, with the node's names of its tensors.

        Raises:
            NotMergeable: ONNX or its composition cannot express it.
        """
        try:
            return self._composed(name)
        except (ValueError, onnx.checker.ValidationError, RuntimeError) as error:
            raise NotMergeable(str(error).partition("\n")[0]) from error

    def _composed(self, name: str) -> ModelProto:
        if name in self._models:
            return self._models[name]
        node = self._nodes[name]
        parts = [self.model(step.use) for step in node.steps]
        whole = self._entry(node, parts)
        known = {tensor: f"{_IN}{tensor}" for tensor in node.inputs}
        answers: list[dict[str, str]] = []
        for step, part in zip(node.steps, parts, strict=True):
            self._count += 1
            prefix = f"n{self._count}_"
            edges = [(known[outer], prefix + inner) for inner, outer in step.inputs.items()]
            given = {outer: prefix + inner for inner, outer in step.outputs.items()}
            kept = [*known.values(), *[each for it in answers for each in it.values()]]
            whole = self._joined(whole, compose.add_prefix(part, prefix), edges, kept, given)
            answers.append(given)
            if node.kind == "sequence":
                known |= given
        return self._finished(whole, node, known, answers)

    def _joined(
        self,
        whole: ModelProto,
        part: ModelProto,
        edges: list[tuple[str, str]],
        kept: Sequence[str],
        given: Mapping[str, str],
    ) -> ModelProto:
        names = [*dict.fromkeys([*kept, *given.values()])]
        return compose.merge_models(whole, part, edges, outputs=names)

    def _entry(self, node: GraphNode, parts: Sequence[ModelProto]) -> ModelProto:
        """Return a model that passes the node's inputs on, each to any number of steps."""
        read = {
            outer: _renamed(next(it for it in part.graph.input if it.name == inner), outer)
            for step, part in zip(node.steps, parts, strict=True)
            for inner, outer in step.inputs.items()
        }
        inputs = [read[tensor] for tensor in node.inputs]
        outputs = [_renamed(each, f"{_IN}{each.name}") for each in inputs]
        passes = [
            helper.make_node("Identity", [each.name], [f"{_IN}{each.name}"]) for each in inputs
        ]
        return self._made(helper.make_graph(passes, "entry", inputs, outputs))

    def _finished(
        self,
        whole: ModelProto,
        node: GraphNode,
        known: Mapping[str, str],
        answers: Sequence[Mapping[str, str]],
    ) -> ModelProto:
        """Give the outputs their names, or combine those of an ensemble."""
        types = {each.name: each for each in whole.graph.output}
        nodes: list[Any] = []
        sources: dict[str, str] = {}
        for output in node.outputs:
            if node.kind == "sequence":
                names = [known[output]]
                nodes.append(helper.make_node("Identity", [_OUT + names[0]], [output]))
            else:
                names = [answer[output] for answer in answers]
                element = types[names[0]].type.tensor_type.elem_type
                if element not in ELEMENTS.values():
                    raise NotMergeable(f"'{output}' is neither FP32 nor FP64")
                nodes += combination(node, output, [_OUT + each for each in names], element)
            sources |= {name: _OUT + name for name in names}
        inputs = [_renamed(types[name], inner) for name, inner in sources.items()]
        outputs = [
            _renamed(types[known[each] if node.kind == "sequence" else answers[0][each]], each)
            for each in node.outputs
        ]
        end = self._made(helper.make_graph(nodes, "end", inputs, outputs))
        return compose.merge_models(whole, end, [*sources.items()], outputs=[*node.outputs])

    def _made(self, graph: onnx.GraphProto) -> ModelProto:
        opsets = [helper.make_opsetid("", self._opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self._ir)

    def _brought(self, model: ModelProto) -> ModelProto:
        """Return a model with the operator set that all get."""
        try:
            brought = (
                model
                if _opset(model) == self._opset
                else version_converter.convert_version(model, self._opset)
            )
        except (RuntimeError, ValueError) as error:
            raise NotMergeable(
                f"operator set {_opset(model)} cannot become {self._opset}"
            ) from error
        brought.ir_version = self._ir
        return brought


def combination(
    node: GraphNode, output: str, names: Sequence[str], element: int
) -> list[onnx.NodeProto]:
    """Return the operators that combine an output as `combining.py` does, in the same order.

    Args:
        node: the ensemble.
        output: the output.
        names: what each step returns for it.
        element: ONNX's number of its datatype, one of `ELEMENTS`.
    """
    nodes, terms = [], [*names]
    if node.combine[output] == "weighted":
        terms = [f"{name}_weighted" for name in names]
        for name, term, step in zip(names, terms, node.steps, strict=True):
            nodes += [
                _constant(f"{term}_share", step.share, element),
                helper.make_node("Mul", [name, f"{term}_share"], [term]),
            ]
    total = terms[0]
    for number, term in enumerate(terms[1:]):
        nodes.append(helper.make_node("Add", [total, term], [f"{output}_sum_{number}"]))
        total = f"{output}_sum_{number}"
    if node.combine[output] == "weighted":
        return [*nodes, helper.make_node("Identity", [total], [output])]
    count = f"{output}_count"
    return [
        *nodes,
        _constant(count, len(names), element),
        helper.make_node("Div", [total, count], [output]),
    ]


def _constant(name: str, value: float, element: int) -> onnx.NodeProto:
    tensor = helper.make_tensor(f"{name}_value", element, [], [value])
    return helper.make_node("Constant", [], [name], value=tensor)


def _renamed(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = name
    return copy


def _opset(model: ModelProto) -> int:
    """Return the version of ONNX's own operators; 1 for a model that uses none."""
    versions = [each.version for each in model.opset_import if each.domain in _DEFAULT_DOMAIN]
    return max(versions, default=1)
