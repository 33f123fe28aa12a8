"""Finds the tensors of every node of a graph, from the signatures of its models.

Nodes are read from the inside out: what a node's steps need and no earlier step returns is an input
of the node. The inputs of the root must be those that the manifest names for callers. Datatypes and
shapes are compared along every edge; an error has the line of the step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from lading.functions.inference.artifact.graph_nodes import ROOT, GraphNode
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.graphs.tensors import (
    Need,
    TensorCondition,
    check_condition,
    has_rows,
    narrower,
    wider,
)
from lading.model_packaging.graphs.uses import (
    PartSignature,
    Use,
    conditions_of,
    shares_of,
    stated_output,
    step_of,
)
from lading.model_packaging.manifest.graph_rules import step_key
from lading.model_packaging.manifest.graphs import EVERY_OUTPUT, GraphNodeSpec, GraphSpec
from lading.model_packaging.manifest.models import ModelSpec

CODE_ENDING = "+combine.py"
"""The end of the name of an ensemble's own code among the artifact's files, after its node."""


@dataclass(frozen=True, slots=True)
class Wired:
    """A graph whose tensors are known.

    Args:
        nodes: its nodes.
        inputs: what callers send.
        outputs: what they get.
    """

    nodes: Mapping[str, GraphNode]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def wire(
    spec: ModelSpec, graph: GraphSpec, models: Mapping[str, tuple[Sequence[TensorSpec], ...]]
) -> Wired:
    """Find the tensors of every node.

    Args:
        spec: the graph's entry in the manifest.
        graph: its graph, whose names lead somewhere.
        models: the inputs and the outputs of each model.

    Raises:
        ManifestError: a name leads nowhere, or a datatype or shape does not fit.
    """
    return _Wiring(spec, graph, models).wired()


class _Wiring:
    """The reading of one graph; `nodes` grows from the inside out."""

    def __init__(
        self,
        spec: ModelSpec,
        graph: GraphSpec,
        models: Mapping[str, tuple[Sequence[TensorSpec], ...]],
    ) -> None:
        self._spec, self._graph, self._models = spec, graph, models
        self.nodes: dict[str, GraphNode] = {}

    def wired(self) -> Wired:
        root = self._signature(ROOT, "graph.nodes.root")
        known = self._graph.inputs
        for name, need in root.needs.items():
            if name not in known:
                reason = f"needs '{name}', which is no input of the graph and no earlier output"
                self._refuse(need.key, reason, likely(name, known))
        for number, name in enumerate(known):
            if name not in root.needs:
                self._refuse(f"graph.inputs.{number}", f"'{name}' is not used by any step")
        inputs = tuple(root.needs[name].resolved(name) for name in known)
        for spec in inputs:
            self._check_tests(root.needs[spec.name], spec)
        return Wired(self.nodes, inputs, tuple(root.outputs.values()))

    def _refuse(self, key: str, reason: str, guess: str | None = None) -> NoReturn:
        raise ManifestError(self._spec.place(key), reason, guess)

    def _signature(self, name: str, key: str) -> PartSignature:
        """Return what a node or a model needs and returns; `key` is the step that uses it."""
        if name in self._models:
            inputs, outputs = self._models[name]
            needs = {spec.name: Need(key, spec) for spec in inputs}
            return PartSignature(needs, {spec.name: spec for spec in outputs})
        node = self._graph.nodes[name]
        uses = [self._use(name, node, number) for number in range(len(node.steps()))]
        read = {"sequence": self._sequence, "ensemble": self._ensemble}.get(
            node.kind(), self._choice
        )
        return read(name, node, uses)

    def _use(self, name: str, node: GraphNodeSpec, number: int) -> Use:
        step, key = node.steps()[number], step_key(name, node.kind(), number)
        found = self._signature(step.use, key)
        for kind, stated, known in (
            ("inputs", step.inputs, found.needs),
            ("outputs", step.outputs, found.outputs),
        ):
            for each in stated:
                if each not in known:
                    reason = f"'{step.use}' has no '{each}'; it has {', '.join(known)}"
                    self._refuse(f"{key}.{kind}.{each}", reason, likely(each, known))
        inner = {each: step.inputs.get(each, each) for each in found.needs}
        returned = {each: step.outputs.get(each, each) for each in found.outputs}
        outputs = {
            returned[each]: spec._replace(name=returned[each], domain=None)
            for each, spec in found.outputs.items()
        }
        use = Use(step, key, {}, outputs, inner, returned)
        needs = ((inner[each], need) for each, need in found.needs.items())
        return replace(use, needs=self._joined(needs))

    def _joined(self, needs: Iterable[tuple[str, Need]]) -> dict[str, Need]:
        """Return the needs by name, each once."""
        joined: dict[str, Need] = {}
        for name, need in needs:
            try:
                joined[name] = joined[name].and_also(need) if name in joined else need
            except ValueError as error:
                self._refuse(need.key, f"'{name}' {error}, which another step needs it to be")
        return joined

    def _sequence(self, name: str, node: GraphNodeSpec, uses: Sequence[Use]) -> PartSignature:
        made: dict[str, TensorSpec] = {}
        asked: list[tuple[str, Need]] = []
        for use in uses:
            for tensor, need in use.needs.items():
                if tensor in made:
                    self._check_edge(made[tensor], tensor, need)
                else:
                    asked.append((tensor, need))
            for tensor, spec in use.outputs.items():
                if tensor in made or tensor in dict(asked):
                    reason = f"returns '{tensor}', which is there already; rename it with outputs"
                    self._refuse(use.key, reason)
                made[tensor] = spec
        needs = self._joined(asked)
        names = node.outputs or tuple(uses[-1].outputs)
        for number, each in enumerate(node.outputs):
            if each not in made:
                reason = f"no step returns '{each}'; they return {', '.join(made)}"
                self._refuse(f"graph.nodes.{name}.outputs.{number}", reason, likely(each, made))
        wanted = {*names, *(tensor for use in uses for tensor in use.needs)}
        steps = [step_of(use, wanted) for use in uses]
        self.nodes[name] = GraphNode("sequence", tuple(needs), tuple(names), tuple(steps), {})
        return PartSignature(needs, {each: made[each] for each in names})

    def _check_edge(self, given: TensorSpec, tensor: str, need: Need) -> None:
        """Check an output of an earlier step against what a step needs."""
        if need.spec is not None:
            try:
                narrower(given, need.spec)
            except ValueError as error:
                self._refuse(need.key, f"'{tensor}' {error}, which this step needs")
        self._check_tests(need, given)

    def _check_tests(self, need: Need, given: TensorSpec) -> None:
        for test in need.tests:
            try:
                check_condition(test.condition, given, by_row=given.shape[:1] == (-1,))
            except ValueError as error:
                self._refuse(test.key, f"'{given.name}' {error}")

    def _ensemble(self, name: str, node: GraphNodeSpec, uses: Sequence[Use]) -> PartSignature:
        needs = self._joined(pair for use in uses for pair in use.needs.items())
        if node.code:
            outputs = {
                each: stated_output(each, shape) for each, shape in node.code.outputs.items()
            }
            combine: dict[str, str] = {}
            wanted = {tensor for use in uses for tensor in use.outputs}
        else:
            combine = self._combinations(name, node, uses)
            outputs = {each: self._common(each, uses) for each in combine}
            wanted = {*combine}
        shares = shares_of(node) if node.weighs() else [1 / len(uses)] * len(uses)
        steps = [
            step_of(use, wanted)._replace(share=it) for use, it in zip(uses, shares, strict=True)
        ]
        code = f"{name}{CODE_ENDING}" if node.code else ""
        self.nodes[name] = GraphNode(
            "ensemble", tuple(needs), tuple(outputs), tuple(steps), combine, code
        )
        return PartSignature(needs, outputs)

    def _combinations(self, name: str, node: GraphNodeSpec, uses: Sequence[Use]) -> dict[str, str]:
        """Return how each output is combined, which must fit its datatype."""
        every, key = node.combine.get(EVERY_OUTPUT), f"graph.nodes.{name}.combine"
        stated = dict.fromkeys(uses[0].outputs, every) if every else dict(node.combine)
        for output, how in stated.items():
            spec = uses[0].outputs.get(output)
            if spec is None:
                reason = f"'{uses[0].step.use}' returns no '{output}'"
                self._refuse(f"{key}.{output}", reason, likely(output, uses[0].outputs))
            if how != "vote" and DTYPES[spec.datatype].kind != "f":
                reason = (
                    f"'{output}' is {spec.datatype}, which has no mean; name the outputs: "
                    f"{key.rpartition('.')[2]}: {{<scores>: {how}, {output}: vote}}"
                )
                self._refuse(key if every else f"{key}.{output}", reason)
        return {output: str(how) for output, how in stated.items()}

    def _common(self, output: str, uses: Sequence[Use]) -> TensorSpec:
        """Return what an output is that every step must return alike."""
        common = uses[0].outputs[output]
        for use in uses[1:]:
            if output not in use.outputs:
                reason = (
                    f"'{use.step.use}' returns no '{output}', which '{uses[0].step.use}' returns; "
                    "rename one with outputs"
                )
                self._refuse(use.key, reason, likely(output, use.outputs))
            try:
                common = wider(use.outputs[output], common)
            except ValueError as error:
                self._refuse(use.key, f"'{output}' {error}, as in the first step")
        return common

    def _choice(self, name: str, node: GraphNodeSpec, uses: Sequence[Use]) -> PartSignature:
        outputs = {each: self._common(each, uses) for each in uses[0].outputs}
        asked = [pair for use in uses for pair in use.needs.items()]
        conditions = [conditions_of(use.step) for use in uses]
        asked += [
            (
                each.tensor,
                Need(f"{use.key}.when", None, (TensorCondition(each, f"{use.key}.when"),)),
            )
            for use, whens in zip(uses, conditions, strict=True)
            for each in whens
        ]
        asked += [(each, Need(f"graph.nodes.{name}.key", None)) for each in node.key]
        needs = self._joined(asked)
        specs = [need.resolved(each) for each, need in needs.items()]
        by_row = has_rows([*specs, *outputs.values()])
        shares = shares_of(node) if node.weighs() else [1.0] * len(uses)
        steps = [
            step_of(use, {*outputs})._replace(when=whens, share=share)
            for use, whens, share in zip(uses, conditions, shares, strict=True)
        ]
        key = node.key or (tuple(sorted(needs)) if node.kind() == "splitter" else ())
        self.nodes[name] = GraphNode(
            node.kind(), tuple(needs), tuple(outputs), tuple(steps), {}, key=key, by_row=by_row
        )
        return PartSignature(needs, outputs)
