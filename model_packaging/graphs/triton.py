"""Turns a graph into an ensemble of Triton, which serves all of its models at one endpoint.

Triton's ensembles pass tensors from model to model, by name, and do nothing else. So a sequence
becomes their steps, and the mean of an ensemble a small ONNX model of its own. A switch, a
splitter, a vote and own code cannot be expressed, nor can models with processing steps, which
Triton does not run: the service's own functions serve such a graph.
"""

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

from lading.functions.inference.artifact.graph_nodes import ROOT, GraphNode, GraphStep
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.engines.serving import EnsembleStep, OnnxEnsemble, OnnxModel
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.graphs.composing import ELEMENTS, combination
from lading.model_packaging.graphs.edges import Wired
from lading.model_packaging.graphs.nodes import PackagedNode
from lading.model_packaging.graphs.tensors import wider
from lading.model_packaging.manifest.models import ModelSpec

_OPSET, _IR = 17, 8
_PREFIX = "part-"
"""Before the name of each model in the repository, whose ensemble is called `model`."""

Tensors = dict[str, str]
"""Names in a node -> names in the ensemble."""


def triton_ensemble(
    spec: ModelSpec, wired: Wired, models: Mapping[str, PackagedNode]
) -> OnnxEnsemble:
    """Return the ensemble that answers as a graph does.

    Raises:
        ManifestError: Triton cannot express the graph.
    """
    return _Flattening(spec, wired, models).ensemble()


class _Flattening:
    """The reading of one graph from the root on; `steps` and `parts` grow."""

    def __init__(self, spec: ModelSpec, wired: Wired, models: Mapping[str, PackagedNode]) -> None:
        self._spec, self._wired, self._models = spec, wired, models
        self._specs = {each.name: each for each in wired.inputs}
        self.steps: list[EnsembleStep] = []
        self.parts: dict[str, OnnxModel] = {}

    def ensemble(self) -> OnnxEnsemble:
        wired = self._wired
        found = self._node(ROOT, {each.name: each.name for each in wired.inputs})
        names = {tensor: output for output, tensor in found.items()}
        if len(names) < len(found) or names.keys() & {each.name for each in wired.inputs}:
            raise self._refusal("graph.nodes.root", "returns a tensor twice, or one of its inputs")
        steps = [
            step._replace(outputs={of: names.get(it, it) for of, it in step.outputs.items()})
            for step in self.steps
        ]
        steps = [
            step._replace(inputs={to: names.get(it, it) for to, it in step.inputs.items()})
            for step in steps
        ]
        return OnnxEnsemble(self.parts, tuple(steps), wired.inputs, wired.outputs)

    def _refusal(self, key: str, reason: str) -> ManifestError:
        advice = "which Triton's ensembles cannot express; set target: lambda"
        return ManifestError(self._spec.place(key), f"{reason}, {advice}")

    def _node(self, name: str, known: Tensors) -> Tensors:
        """Add the steps of a node, and return its outputs."""
        node = self._wired.nodes[name]
        if node.kind not in ("sequence", "ensemble"):
            raise self._refusal(f"graph.nodes.{name}", f"is a {node.kind}")
        if node.code or "vote" in node.combine.values():
            how = "code of its own" if node.code else "a vote"
            raise self._refusal(f"graph.nodes.{name}", f"combines answers by {how}")
        known, answers = dict(known), list[Tensors]()
        for step in node.steps:
            answers.append(self._step(step, known))
            if node.kind == "sequence":
                known |= answers[-1]
        if node.kind == "sequence":
            return {output: known[output] for output in node.outputs}
        return self._combined(name, node, answers)

    def _step(self, step: GraphStep, known: Tensors) -> Tensors:
        inner = {to: known[it] for to, it in step.inputs.items()}
        found = (
            self._node(step.use, inner)
            if step.use in self._wired.nodes
            else self._model(step.use, inner, step.outputs)
        )
        return {outer: found[output] for output, outer in step.outputs.items()}

    def _model(self, name: str, inputs: Tensors, outputs: Mapping[str, str]) -> Tensors:
        artifact = self._models[name].here()
        if artifact.specification.get("processing"):
            raise self._refusal("target", f"needs the processing steps of '{name}'")
        part = OnnxModel(artifact.model, artifact.inputs, artifact.outputs, None)
        given = {each.name: each for each in artifact.outputs}
        return self._added(name, part, inputs, {output: given[output] for output in outputs})

    def _added(
        self, name: str, part: OnnxModel, inputs: Tensors, outputs: Mapping[str, TensorSpec]
    ) -> Tensors:
        """Add a step, and return names of its outputs that nothing else has."""
        self.parts[_PREFIX + name] = part
        at = len(self.steps)
        taken = {each.name for each in (*self._wired.inputs, *self._wired.outputs)}
        returned: Tensors = {}
        for output, spec in outputs.items():
            tensor = f"{at}:{output}"
            while tensor in taken:
                tensor = f"{at}:{tensor}"
            returned[output], self._specs[tensor] = tensor, spec
        self.steps.append(EnsembleStep(_PREFIX + name, inputs, returned))
        return returned

    def _combined(self, name: str, node: GraphNode, answers: Sequence[Tensors]) -> Tensors:
        """Add a model that combines the answers of an ensemble's steps."""
        sources: dict[str, str] = {}
        inputs: dict[str, TensorSpec] = {}
        operators: list[onnx.NodeProto] = []
        outputs: dict[str, TensorSpec] = {}
        for output in node.outputs:
            names = [f"{place}:{output}" for place in range(len(answers))]
            given = [self._specs[answer[output]] for answer in answers]
            if given[0].datatype not in ELEMENTS:
                reason = f"combines '{output}' of {given[0].datatype}"
                raise self._refusal(f"graph.nodes.{name}", reason)
            common = given[0]
            for each in given[1:]:
                common = wider(each, common)
            outputs[output] = common._replace(name=output, domain=None)
            for place, inner in enumerate(names):
                sources[inner] = answers[place][output]
                inputs[inner] = outputs[output]._replace(name=inner)
            element = ELEMENTS[common.datatype]
            operators += combination(node, output, names, element)
        content = _model_of(operators, inputs, outputs)
        specs = tuple(inputs.values()), tuple(outputs.values())
        return self._added(name, OnnxModel(content, *specs, None), sources, outputs)


def _model_of(
    operators: Sequence[onnx.NodeProto],
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
) -> bytes:
    graph = helper.make_graph(operators, "combination", _values(inputs), _values(outputs))
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
    return bytes(model.SerializeToString())


def _values(specs: Mapping[str, TensorSpec]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(
            name, ELEMENTS[spec.datatype], [None if size == -1 else size for size in spec.shape]
        )
        for name, spec in specs.items()
    ]


def computed(ensemble: OnnxEnsemble) -> Model:
    """Return what Triton computes for an ensemble, by onnxruntime in this process."""
    sessions = {name: OnnxSession(part.content) for name, part in ensemble.models.items()}

    def answer(request: dict[str, Array]) -> dict[str, Array]:
        known = dict(request)
        for step in ensemble.steps:
            feeds = {to: known[tensor] for to, tensor in step.inputs.items()}
            found = sessions[step.model].run(feeds, [*step.outputs])
            known |= {tensor: found[output] for output, tensor in step.outputs.items()}
        return {each.name: known[each.name] for each in ensemble.outputs}

    return answer
