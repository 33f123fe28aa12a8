"""The parts of a loaded graph: models, sequences, ensembles, and what chooses between steps.

Each part gets named arrays and returns named arrays. What one step returns is passed on to the next
as it is: nothing is copied between models of one process. Steps that wait for endpoints run at
once, as far as they do not need each other's outputs; models of this process run one after the
other, since each uses all processors.
"""

from collections.abc import Callable, Collection, Sequence
from time import perf_counter
from typing import Protocol

import numpy as np

from lading.functions.contract.errors import InferenceError, InvalidInput
from lading.functions.inference.artifact.graph_nodes import GraphNode, GraphStep
from lading.functions.inference.graphs.combining import COMBINE, combined
from lading.functions.inference.graphs.node_runs import NodeRun
from lading.functions.inference.graphs.parallel import together
from lading.functions.inference.graphs.routing import Route
from lading.functions.inference.models.predictor import Answer
from lading.functions.inference.tensors.conversion import Array, as_datatype, datatype_of
from lading.functions.inference.tensors.rows import count_rows

Tensors = dict[str, Array]

OwnCombine = Callable[[list[Tensors]], Tensors]
"""An ensemble's own code: it gets the outputs of each step, in their order."""


class Part(Protocol):
    """A part of a graph; `remote` is whether it waits for another process."""

    remote: bool

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """Answer.

        Args:
            tensors: an array for each input.
            runs: where each model's run is noted.

        Raises:
            InferenceError: a model has no answer, or no step matches.
            ValueError: what the models answer does not fit together.
        """


class PartUse:
    """A use of a part, with the names that its tensors have around it.

    Args:
        step: the step of the graph.
        part: what it uses.
    """

    def __init__(self, step: GraphStep, part: Part) -> None:
        self.part, self.name = part, step.use
        self.inputs, self.outputs = tuple(step.inputs.items()), tuple(step.outputs.items())
        self._only = self.inputs[0] if len(self.inputs) == 1 else None
        unchanged = all(inner == outer for inner, outer in self.outputs)
        # A model returns nothing else, unless nothing of it is wanted.
        self._passes_on = bool(self.outputs) and unchanged and isinstance(part, ModelPart)

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """Answer with the outputs, by the names around it."""
        try:
            if self._only is not None:
                inner, outer = self._only
                found = self.part.run({inner: tensors[outer]}, runs)
            else:
                found = self.part.run({inner: tensors[outer] for inner, outer in self.inputs}, runs)
        except InvalidInput as error:
            raise self._refused(error) from error
        if self._passes_on:
            return found
        return {outer: found[inner] for inner, outer in self.outputs}

    def returns(self, names: Collection[str]) -> bool:
        """Return whether these are the names of all that it answers with."""
        return {*names} == {outer for _, outer in self.outputs}

    def _refused(self, error: InvalidInput) -> InvalidInput:
        """Return a refusal of an input, by its name around the step.

        Raises:
            ValueError: it is about a tensor that no caller of the step sends.
        """
        around = dict(self.inputs)
        names = error.name.split(", ")  # own code may refuse several
        if not around.keys() >= {*names}:
            raise ValueError(f"'{self.name}' refuses what another model returned: {error}")
        outer = ", ".join(around[name] for name in names)
        if outer == error.name:
            return error
        text = str(error).replace(f"'{error.name}'", f"'{outer}'")
        return InvalidInput(outer, error.reason, text)


class ModelPart(Part):
    """A model.

    Args:
        name: its name.
        answer: answers for it, with the outputs that the graph needs.
        remote: whether an endpoint answers.
    """

    def __init__(self, name: str, answer: Answer, *, remote: bool) -> None:
        self._name, self.answer, self.remote = name, answer, remote

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """See `Part.run`."""
        started = perf_counter()
        try:
            found = self.answer(tensors)
        except InferenceError as error:
            took = (perf_counter() - started) * 1000
            runs.append(NodeRun(self._name, started, took, type(error).__name__))
            raise
        runs.append(NodeRun(self._name, started, (perf_counter() - started) * 1000))
        return found


class Chain(Part):
    """Steps of which each may use what the steps before it returned."""

    def __init__(self, node: GraphNode, steps: Sequence[PartUse]) -> None:
        self._outputs = node.outputs
        self.remote = any(step.part.remote for step in steps)
        self._waves = _waves(steps) if self.remote else tuple((step,) for step in steps)
        self._last = steps[-1] if steps[-1].returns(node.outputs) and not self.remote else None

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """See `Part.run`."""
        known = dict(tensors)
        for wave in self._waves:
            if len(wave) > 1:
                for found in _each(wave, known, runs):
                    known |= found
                continue
            found = wave[0].run(known, runs)
            if wave[0] is self._last:
                return found
            known.update(found)
        return {name: known[name] for name in self._outputs}


class Ensemble(Part):
    """Steps that answer the same, and the combination of their answers.

    Args:
        node: the node.
        steps: its steps.
        own: its own code; None without any.
    """

    def __init__(
        self, node: GraphNode, steps: Sequence[PartUse], own: OwnCombine | None = None
    ) -> None:
        self._node, self._steps, self._own = node, tuple(steps), own
        self._shares = [step.share for step in node.steps]
        self._combine = [(name, COMBINE[how]) for name, how in node.combine.items()]
        self.remote = any(step.part.remote for step in steps)

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """See `Part.run`."""
        if self.remote:
            answers = _each(self._steps, tensors, runs)
        else:
            answers = [step.run(tensors, runs) for step in self._steps]
        if self._own is not None:
            return self._own_answer(answers, self._own)
        return {
            name: combined(combine, [answer[name] for answer in answers], self._shares)
            for name, combine in self._combine
        }

    def _own_answer(self, answers: list[Tensors], own: OwnCombine) -> Tensors:
        found = own(answers)
        lacking = [name for name in self._node.outputs if name not in found]
        if lacking:
            raise ValueError(f"{self._node.code} returns no '{lacking[0]}'")
        return found


class Router(Part):
    """Steps of which one answers: a switch or a splitter.

    Args:
        node: the node.
        steps: its steps.
        route: finds the step of each row.
    """

    def __init__(self, node: GraphNode, steps: Sequence[PartUse], route: Route) -> None:
        self._node, self._steps, self._route = node, tuple(steps), route
        self.remote = any(step.part.remote for step in steps)

    def run(self, tensors: Tensors, runs: list[NodeRun]) -> Tensors:
        """See `Part.run`.

        Raises:
            NoRouteMatched: no step of a switch matches a row.
            InvalidInput: its inputs have different numbers of rows.
        """
        rows = count_rows(tensors) if self._node.by_row else 1
        places = self._route(tensors, rows)
        chosen = dict.fromkeys(places) or {0: None}
        if len(chosen) == 1:
            return self._steps[next(iter(chosen))].run(tensors, runs)
        return self._divided(tensors, np.array(places), runs)

    def _divided(self, tensors: Tensors, places: Array, runs: list[NodeRun]) -> Tensors:
        """Let each step answer its rows, and put the answers in the order of the request."""
        rows = {place: np.flatnonzero(places == place) for place in sorted({*places.tolist()})}
        calls = [
            _calling(self._steps[place], {name: it[of] for name, it in tensors.items()}, runs)
            for place, of in rows.items()
        ]
        answers = together(calls) if self.remote else [call() for call in calls]
        return {
            name: _assembled([answer[name] for answer in answers], [*rows.values()])
            for name in self._node.outputs
        }


def _calling(step: PartUse, tensors: Tensors, runs: list[NodeRun]) -> Callable[[], Tensors]:
    return lambda: step.run(tensors, runs)


def _each(steps: Sequence[PartUse], tensors: Tensors, runs: list[NodeRun]) -> list[Tensors]:
    """Return what each step answers; those that wait for endpoints run at once."""
    remote = [step for step in steps if step.part.remote]
    if not remote:
        return [step.run(tensors, runs) for step in steps]
    local = [step for step in steps if not step.part.remote]
    calls = [_calling(step, tensors, runs) for step in remote]
    here: list[Tensors] = []
    if local:
        calls.append(lambda: _in_turn(local, tensors, runs, here))
    found = iter(together(calls))
    done = iter(here)
    return [next(found) if step.part.remote else next(done) for step in steps]


def _in_turn(
    steps: Sequence[PartUse], tensors: Tensors, runs: list[NodeRun], answers: list[Tensors]
) -> Tensors:
    answers.extend(step.run(tensors, runs) for step in steps)
    return {}


def _waves(steps: Sequence[PartUse]) -> tuple[tuple[PartUse, ...], ...]:
    """Return the steps in groups; a step needs outputs of earlier groups only."""
    wave_of: dict[str, int] = {}
    waves: list[list[PartUse]] = []
    for step in steps:
        wave = max((wave_of.get(outer, -1) + 1 for _, outer in step.inputs), default=0)
        waves += [[]] * (wave == len(waves))
        waves[wave] = [*waves[wave], step]
        wave_of |= {outer: wave for _, outer in step.outputs}
    return tuple(map(tuple, waves))


def _assembled(parts: Sequence[Array], rows: Sequence[Array]) -> Array:
    """Return one array of which each part has these rows.

    Raises:
        ValueError: the parts do not fit together.
    """
    first = parts[0]
    shapes = {part.shape[1:] for part in parts}
    counts = [len(part) == len(of) for part, of in zip(parts, rows, strict=True)]
    if len(shapes) > 1 or not all(counts):
        raise ValueError(
            f"steps answer with shapes {[list(part.shape) for part in parts]}, "
            f"which {sum(map(len, rows))} rows cannot have"
        )
    whole = np.empty((sum(map(len, rows)), *first.shape[1:]), first.dtype)
    for part, of in zip(parts, rows, strict=True):
        whole[of] = part
    return as_datatype(whole, datatype_of(first))
