"""Checks a graph of the manifest as far as that is possible without its packaged models.

Every name must lead to a node or to a model, no node may use itself, and weights and conditions
must stand where they have an effect. Datatypes and shapes are checked when the graph is packaged.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, NoReturn, Protocol

from lading.functions.inference.artifact.graph_nodes import MOST_RUNS, ROOT
from lading.model_packaging.errors import ManifestError, Place, likely
from lading.model_packaging.manifest.graphs import GraphNodeSpec, GraphSpec, GraphStepSpec


class Placed(Protocol):
    """A model of the manifest, which knows where its keys stand."""

    @property
    def name(self) -> str:
        """Its name."""

    def place(self, key: str) -> Place:
        """Return the place of a key."""


def step_key(node: str, kind: str, number: int, key: str = "") -> str:
    """Return the key of a step, or of one of its keys, for `ModelSpec.place`."""
    return f"graph.nodes.{node}.{kind}.{number}" + (f".{key}" if key else "")


class _Rules(NamedTuple):
    spec: Placed
    graph: GraphSpec
    models: Collection[str]
    """The models that a step may use."""
    graphs: Collection[str]

    def refuse(self, key: str, reason: str, guess: str | None = None) -> NoReturn:
        raise ManifestError(self.spec.place(key), reason, guess)

    def check(self) -> None:
        nodes = self.graph.nodes
        if ROOT not in nodes:
            self.refuse("graph.nodes", f"must have a node '{ROOT}', which answers")
        for name, node in nodes.items():
            if name in self.models or name in self.graphs:
                self.refuse(f"graph.nodes.{name}", "is also the name of a model; rename the node")
            self._check_steps(name, node)
        runs: dict[str, int] = {}
        self._count_runs(ROOT, (), runs)
        for name in nodes:
            if name not in runs:
                self.refuse(f"graph.nodes.{name}", "is not used by any step; remove it")

    def _check_steps(self, name: str, node: GraphNodeSpec) -> None:
        kind, last = node.kind(), len(node.steps()) - 1
        for number, step in enumerate(node.steps()):
            key = step_key(name, kind, number)
            self._check_use(key, step)
            if (step.weight is not None) and not node.weighs():
                self.refuse(f"{key}.weight", "has no effect here; remove it")
            if step.weight is None and (kind == "splitter" or "weighted" in node.combine.values()):
                self.refuse(key, f"needs a weight: use '{step.use}' with weight")
            if step.when and kind != "switch":
                self.refuse(f"{key}.when", f"is for switch, not for {kind}")
            if kind == "switch" and not step.when and number != last:
                self.refuse(key, "needs when; only the last step of a switch takes what is left")

    def _check_use(self, key: str, step: GraphStepSpec) -> None:
        if step.use in self.graph.nodes or step.use in self.models:
            return
        if step.use in self.graphs:
            self.refuse(key, f"'{step.use}' is a graph; use its models as nodes of this graph")
        known = [*self.graph.nodes, *self.models]
        reason = f"there is no node and no model '{step.use}'"
        self.refuse(key, reason, likely(step.use, known))

    def _count_runs(self, name: str, above: tuple[str, ...], known: dict[str, int]) -> int:
        """Return how many models run when a node does; `known` has the nodes that are counted."""
        if name in known or name not in self.graph.nodes:
            return known.get(name, 1)
        node, way, total = self.graph.nodes[name], (*above, name), 0
        for number, step in enumerate(node.steps()):
            if step.use in way:
                circle = " -> ".join((*way[way.index(step.use) :], step.use))
                self.refuse(step_key(name, node.kind(), number), f"makes a circle: {circle}")
            total += self._count_runs(step.use, way, known)
        if total > MOST_RUNS:
            reason = f"runs its models {total} times for one request, more than {MOST_RUNS}"
            self.refuse(f"graph.nodes.{name}", reason)
        known[name] = total
        return total


def check_graph(spec: Placed, graph: GraphSpec, others: Mapping[str, GraphSpec | None]) -> None:
    """Check the references of a graph.

    Args:
        spec: the model.
        graph: its graph.
        others: every other model of the manifest, with its graph if it is one.

    Raises:
        ManifestError: the first error, with its line.
    """
    models = [name for name, other in others.items() if other is None]
    graphs = [name for name, other in others.items() if other is not None]
    _Rules(spec, graph, models, [*graphs, spec.name]).check()
