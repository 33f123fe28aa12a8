"""A model with processing steps, behind the same face as a model without.

`artifact.json` lists them: `"processing": [{"step": "tokens", ...}, ...]`. What callers send goes
through each step's `before` in order, then through the graph, then through each step's `after`,
the last step's first.
Arrays that the graph does not take go past it, and a step's extras past everything. Steps see BF16
as plain FP32: whatever numpy makes of a `BFloat16`, even numbers of classes, would be one too.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from lading.functions.contract.names import Library
from lading.functions.inference.artifact.reading import TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.tensors.conversion import Array, as_datatype

STEPS = frozenset({"code", "image", "labels", "ngrams", "tokens"})
"""Modules of this package."""

LIBRARIES: Mapping[str, Library] = MappingProxyType({"image": "pillow", "tokens": "tokenizers"})
"""Steps that need more than the runtime layer has -> what they need."""


class Step(Protocol):
    """One thing done to named arrays, before the graph and after it."""

    extras: tuple[str, ...]
    """What `before` gives besides, for callers who ask for it; see `ModelMetadata.extras`."""

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """Arrays for the graph, or for the next step.

        Raises:
            InvalidInput: the caller's arrays are not what the step takes.
        """

    def after(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """Arrays for the caller, or for the next step."""


def make_step(options: Mapping[str, Any], files: Mapping[str, bytes]) -> Step:
    """The step that `options` describe.

    Args:
        options: an entry of `processing`.
        files: the artifact's verified files, by name.

    Raises:
        ValueError: this version has no such step, or lacks the library that it needs.
    """
    name = options.get("step")
    if name not in STEPS:
        raise ValueError(f"has a step '{name}' that this Lading does not know; deploy a newer one")
    try:
        step: Step = import_module(f"lading.functions.inference.processing.{name}").make(
            options, files
        )
    except ImportError as error:
        advice = "make processing brings it, and on Lambda the processing layer"
        raise ValueError(f"needs {error.name} for its step '{name}'; {advice}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"misstates its step '{name}': {error!r}") from error
    return step


def libraries_of(specification: Mapping[str, Any]) -> tuple[Library, ...]:
    """What an artifact's steps need beside the runtime layer: values of `LIBRARIES`."""
    steps = {step.get("step") for step in specification.get("processing") or ()}
    return tuple(sorted(LIBRARIES[step] for step in steps & LIBRARIES.keys()))


class ProcessedSession:
    """A graph with steps around it; named arrays in, named arrays out, as `OnnxSession`.

    Args:
        graph: what computes it, here or elsewhere.
        steps: in the order of `before`.
        inputs: what callers send.
        outputs: what they get.
    """

    def __init__(
        self,
        graph: Backend,
        steps: Sequence[Step],
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self._graph, self._steps = graph, steps
        self.inputs, self.outputs = inputs, outputs
        self.extras = tuple(name for step in steps for name in step.extras)

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """The text that has these tokens; None where no step makes tokens of text.

        Raises:
            InvalidInput: no text has them.
        """
        read = (getattr(step, "text_of", None) for step in self._steps)
        return next((each(tokens) for each in read if each is not None), None)

    def check_axes(self, inputs: dict[str, Array]) -> None:
        """Each step checks what it takes."""

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Run steps and model; see `OnnxSession.run`.

        Raises:
            InvalidInput: a step does not take the inputs.
            InferenceError, SessionError: a step, onnxruntime or the engine gave up.
        """
        arrays, extras = self._prepared(inputs)
        feeds = _taken(arrays, self._graph.inputs)
        arrays = {name: array for name, array in arrays.items() if name not in feeds}
        arrays |= _plain(self._graph.run(feeds))
        for step in reversed(self._steps):
            arrays = step.after(arrays)
        return _taken({**arrays, **extras}, self.outputs, outputs)

    def feeds(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """What the graph gets of a request.

        Raises:
            InvalidInput: a step does not take the inputs.
        """
        return _taken(self._prepared(inputs)[0], self._graph.inputs)

    def _prepared(self, inputs: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """The arrays for the graph, and the steps' extras."""
        arrays = _plain(inputs)
        extras: dict[str, Array] = {}
        for step in self._steps:
            arrays = step.before(arrays)
            extras |= {name: arrays.pop(name) for name in step.extras}
        return arrays, extras


def _plain(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(array) for name, array in arrays.items()}


def _taken(
    arrays: Mapping[str, Array], specs: Sequence[TensorSpec], names: Sequence[str] = ()
) -> dict[str, Array]:
    """The arrays of these names, else of all `specs`, which say their datatypes."""
    datatypes = {spec.name: spec.datatype for spec in specs}
    wanted = names or tuple(datatypes)
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise SessionError(ValueError(f"the processing steps gave no '{missing[0]}'"))
    return {name: as_datatype(arrays[name], datatypes.get(name, "")) for name in wanted}
