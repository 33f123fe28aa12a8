"""A step of a graph while its tensors are found: what it uses, and the names around it."""

from collections.abc import Mapping
from dataclasses import dataclass

from lading.functions.inference.artifact.graph_nodes import Comparison, GraphStep
from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.graphs.tensors import Need
from lading.model_packaging.manifest.graphs import GraphNodeSpec, GraphStepSpec
from lading.model_packaging.manifest.original import InputShape

Specs = Mapping[str, TensorSpec]


@dataclass(frozen=True, slots=True)
class PartSignature:
    """What a part of a graph needs and returns, by name."""

    needs: Mapping[str, Need]
    outputs: Specs


@dataclass(frozen=True, slots=True)
class Use:
    """A step, what it uses, and where it stands."""

    step: GraphStepSpec
    key: str
    needs: Mapping[str, Need]
    """By the names around the step."""
    outputs: Specs
    """By the names around the step."""
    inner: Mapping[str, str]
    """The name around the step of each input."""
    returned: Mapping[str, str]
    """The name around the step of each output."""


def stated_output(name: str, shape: InputShape) -> TensorSpec:
    """Return an output of own code, as the manifest states it."""
    sizes = tuple(-1 if isinstance(size, str) else size for size in shape.shape)
    return TensorSpec(name, shape.datatype, sizes)


def conditions_of(step: GraphStepSpec) -> tuple[Comparison, ...]:
    """Return the conditions of a switch's step; all of them must hold."""
    return tuple(Comparison(each.tensor, *each.comparison()) for each in step.when)


def step_of(use: Use, wanted: set[str]) -> GraphStep:
    """Return the step, with the outputs that are wanted around it."""
    outputs = {each: outer for each, outer in use.returned.items() if outer in wanted}
    return GraphStep(use.step.use, dict(use.inner), outputs)


def shares_of(node: GraphNodeSpec) -> list[float]:
    """Return the share of each step, from its weight."""
    weights = [1.0 if step.weight is None else step.weight for step in node.steps()]
    return [weight / sum(weights) for weight in weights]
