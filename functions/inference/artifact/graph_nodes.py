"""The nodes of a graph and their steps, whose form in `artifact.json` `graph.py` describes."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

ROOT: Final = "root"
"""The node that answers for the graph, as in KServe."""

KINDS: Final = ("sequence", "ensemble", "switch", "splitter")
COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge", "in")
COMBINATIONS: Final = ("mean", "weighted", "vote")

MOST_NODES: Final = 64
MOST_RUNS: Final = 1000
"""The most runs of models for one request: a node that is used twice runs its models twice."""


class Comparison(NamedTuple):
    """A condition: the values of a tensor, compared with one of `COMPARISONS`."""

    tensor: str
    comparison: str
    value: Any


class GraphStep(NamedTuple):
    """A use of a node or of a model; see the module. `when` is empty where there is no condition.

    `share` is the step's part in a weighted ensemble, a vote or a splitter; all shares of a node
    add up to 1.
    """

    use: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    share: float = 1.0
    when: tuple[Comparison, ...] = ()


class GraphNode(NamedTuple):
    """A node: one of `KINDS`, the tensors that it gets and gives, and its steps.

    Args:
        kind: what it does with its steps.
        inputs: names of its inputs.
        outputs: names of its outputs.
        steps: its steps, in order.
        combine: of an ensemble: output -> one of `COMBINATIONS`.
        code: of an ensemble: the file of its own code; empty without any.
        key: of a splitter: the inputs whose values decide; equal values go the same way.
        by_row: of a switch or splitter: whether each row of a request goes its own way.
        merged: the file of one ONNX model that answers as the node does; empty without any.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[GraphStep, ...]
    combine: Mapping[str, str]
    code: str = ""
    key: tuple[str, ...] = ()
    by_row: bool = False
    merged: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the form in `artifact.json`, without values that equal their defaults."""
        steps = [_step_document(step) for step in self.steps]
        document = {**self._asdict(), "inputs": [*self.inputs], "outputs": [*self.outputs]}
        document |= {"steps": steps, "combine": dict(self.combine), "key": [*self.key]}
        return {key: value for key, value in document.items() if value or key == "steps"}


def _step_document(step: GraphStep) -> dict[str, Any]:
    document: dict[str, Any] = {
        "use": step.use,
        "inputs": dict(step.inputs),
        "outputs": dict(step.outputs),
    }
    if step.share != 1.0:
        document["share"] = step.share
    if step.when:
        document["when"] = [each._asdict() for each in step.when]
    return document
