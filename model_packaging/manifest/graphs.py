"""The manifest's key `graph`: a model that is made of other models of the manifest.

A step is the name of a model or of another node, or a mapping with `use` and more. Rules that need
the other models are in `graph_rules.py`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StrictBool, model_validator
from pydantic.dataclasses import dataclass

from lading.functions.contract.names import NAME_PATTERN
from lading.functions.inference.artifact.graph_nodes import COMPARISONS, KINDS, MOST_NODES
from lading.model_packaging.manifest.fields import CONFIG, File, Text, unique
from lading.model_packaging.manifest.original import Shapes

MOST_STEPS, MOST_VALUES = 32, 1000
EVERY_OUTPUT = "*"
"""The key of a combination that is stated for all outputs."""

Combination = Literal["mean", "weighted", "vote"]
_OF_KIND = {"outputs": "sequence", "combine": "ensemble", "code": "ensemble", "key": "splitter"}
"""A key of a node -> the kind that it is for."""


def _value(value: Any) -> Any:
    if not isinstance(value, bool | int | str) and not (
        isinstance(value, float) and math.isfinite(value)
    ):
        raise ValueError("must be a finite number, a text, true or false")
    return value


_Value = Annotated[
    Any, AfterValidator(_value), Field(json_schema_extra={"type": ["boolean", "number", "string"]})
]
_Values = Annotated[tuple[_Value, ...], Field(min_length=1, max_length=MOST_VALUES)]


def _require_one(stated: Sequence[str], known: Sequence[str], what: str) -> None:
    if len(stated) != 1:
        found = " and ".join(stated) or "none"
        raise ValueError(f"must have one {what} of {', '.join(known)}; it has {found}")


@dataclass(frozen=True, slots=True, config=CONFIG)
class WhenSpec:
    """A condition on the values of one tensor, with one comparison."""

    tensor: Text
    """An input of the node: an input of the graph, or an output of an earlier step."""
    eq: _Value | None = None
    """The value is equal to this one."""
    ne: _Value | None = None
    """The value is not equal."""
    lt: _Value | None = None
    """The value is less."""
    le: _Value | None = None
    """The value is less or equal."""
    gt: _Value | None = None
    """The value is greater."""
    ge: _Value | None = None
    """The value is greater or equal."""
    one_of: Annotated[_Values | None, Field(validation_alias="in", serialization_alias="in")] = None
    """The value is one of a list."""

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        _require_one([*self._stated()], COMPARISONS, "comparison")
        return self

    def comparison(self) -> tuple[str, Any]:
        """Return the comparison and its value."""
        (found,) = self._stated().items()
        return found

    def _stated(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in COMPARISONS if name != "in"}
        listed = None if self.one_of is None else [*self.one_of]
        return {name: it for name, it in {**values, "in": listed}.items() if it is not None}


def _listed(value: Any) -> Any:
    """Accept one condition instead of a list of one."""
    return [value] if isinstance(value, dict) else value


_Whens = Annotated[tuple[WhenSpec, ...], Field(max_length=MOST_STEPS)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class GraphStepSpec:
    """A step of a node: a model, or another node."""

    use: Text
    """A node of this graph, or a model of this manifest."""
    inputs: Mapping[Text, Text] = Field(default={})
    """Inputs that have another name here: input -> name here."""
    outputs: Mapping[Text, Text] = Field(default={})
    """Outputs that get another name here: output -> name here."""
    weight: Annotated[float | None, Strict(), Field(gt=0, le=1e9, allow_inf_nan=False)] = None
    """Its weight in a weighted ensemble, a vote or a splitter."""
    when: Annotated[_Whens, BeforeValidator(_listed, json_schema_input_type=WhenSpec | _Whens)] = ()
    """In a switch: conditions that must all hold; a step without any takes what is left."""


def _step(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


_Step = Annotated[
    GraphStepSpec, BeforeValidator(_step, json_schema_input_type=Text | GraphStepSpec)
]
_Steps = Annotated[tuple[_Step, ...], Field(max_length=MOST_STEPS)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class OwnCombination:
    """Your own code that combines the answers of an ensemble, wherever it is served."""

    file: File
    """A Python file with combine(answers): it gets a list with a dict of arrays for each step, and
    returns a dict of arrays."""
    outputs: Annotated[Shapes, Field(min_length=1)]
    """The outputs that it returns."""


def _for_every_output(value: Any) -> Any:
    return {EVERY_OUTPUT: value} if isinstance(value, str) else value


_Combine = Annotated[
    Mapping[Text, Combination],
    BeforeValidator(
        _for_every_output, json_schema_input_type=Combination | Mapping[Text, Combination]
    ),
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class GraphNodeSpec:
    """A node: its kind with its steps, and what becomes of their answers."""

    sequence: _Steps = ()
    """Steps in order: each finds its inputs by name, among the node's inputs and the outputs of the
    steps before it."""
    ensemble: _Steps = ()
    """Steps that all answer; combine or code says what becomes of their answers."""
    switch: _Steps = ()
    """Steps with conditions: the first one whose conditions hold answers a row; if there is none,
    the caller gets 404."""
    splitter: _Steps = ()
    """Steps with weights: each answers its share of the rows."""
    outputs: Annotated[tuple[Text, ...], AfterValidator(unique)] = ()
    """Of a sequence: what it returns; by default the outputs of its last step."""
    combine: _Combine = Field(default={})
    """Of an ensemble: mean, weighted or vote, for every output, or for some by their names; then
    others are left out."""
    code: OwnCombination | None = None
    """Of an ensemble: your own code instead of combine."""
    key: Annotated[tuple[Text, ...], AfterValidator(unique)] = ()
    """Of a splitter: the inputs whose values decide; equal values always go the same way. By
    default all of its inputs."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _require_one([kind for kind in KINDS if getattr(self, kind)], KINDS, "kind")
        for key, kind in _OF_KIND.items():
            if getattr(self, key) and kind != self.kind():
                raise ValueError(f"has {key}, which is for {kind}, not for {self.kind()}")
        if self.kind() == "ensemble" and bool(self.combine) == bool(self.code):
            raise ValueError("must have either combine (mean, weighted or vote) or code")
        return self

    def kind(self) -> str:
        """Return the kind of the node."""
        return next(kind for kind in KINDS if getattr(self, kind))

    def steps(self) -> tuple[GraphStepSpec, ...]:
        """Return its steps."""
        steps: tuple[GraphStepSpec, ...] = getattr(self, self.kind())
        return steps

    def weighs(self) -> bool:
        """Return whether the weights of its steps have an effect."""
        return self.kind() == "splitter" or bool({"weighted", "vote"} & {*self.combine.values()})


_NodeName = Annotated[
    str, Field(pattern=f"^{NAME_PATTERN}$", json_schema_extra={"pattern": f"^{NAME_PATTERN}$"})
]
_Nodes = Annotated[Mapping[_NodeName, GraphNodeSpec], Field(min_length=1, max_length=MOST_NODES)]
_Inputs = Annotated[
    tuple[Text, ...], AfterValidator(unique), Field(min_length=1, max_length=MOST_STEPS)
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class GraphSpec:
    """A graph of models, which callers see as one model."""

    inputs: _Inputs
    """Names of the tensors that callers send."""
    nodes: _Nodes
    """The nodes by name; the one named root answers."""
    merge: StrictBool = False
    """Whether models that need no other code become one ONNX model, if that answers the same."""
