"""A model with processing steps, behind the same interface as a model without.

`artifact.json` lists them: `"processing": [{"step": "tokens", ...}, ...]`. A request goes through
each step's `before` in order, then through the graph, then through each step's `after` in reverse
order. Arrays that the graph does not need bypass it; a step's extras bypass everything else. Steps
see BF16 as plain FP32, since all that numpy computes from a `BFloat16` would be BF16 too.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from lading.functions.contract.names import Library
from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.libraries import LIBRARIES as RUNTIME_LIBRARIES
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array, as_datatype

STEPS = frozenset({"code", "image", "labels", "ngrams", "tokens"})
"""The names of the steps, which are modules of this package."""

LIBRARIES: Mapping[str, Library] = MappingProxyType({"image": "pillow", "tokens": "tokenizers"})
"""Steps that need more than the runtime layer has -> the library that they need."""


def make_step(options: Mapping[str, Any], files: Mapping[str, bytes]) -> Step:
    """Return the step that `options` describe.

    Args:
        options: an entry of `processing`.
        files: the artifact's verified files, by name.

    Raises:
        ValueError: there is no such step, or the library that it needs is missing.
    """
    name = options.get("step")
    if name not in STEPS:
        raise ValueError(f"has a step '{name}' that this version of Lading does not have; upgrade")
    try:
        step: Step = import_module(f"lading.functions.inference.processing.{name}").make(
            options, files
        )
    except ImportError as error:
        advice = (
            "run `make processing`, or pip install 'lading[processing]'; on Lambda, add the layer"
        )
        raise ValueError(f"needs {error.name} for its step '{name}'; {advice}") from error
    except (KeyError, TypeError) as error:
        reason = f"has a step '{name}' that cannot be read: {error!r}; package the model again"
        raise ValueError(reason) from error
    return step


def libraries_of(artifact: Artifact) -> tuple[Library, ...]:
    """Return the libraries that an artifact needs in addition to the runtime layer."""
    each = [part.specification.get("processing") or () for part in artifact.parts()]
    steps = {step.get("step") for listed in each for step in listed}
    runtimes = {part.native.runtime for part in artifact.parts() if part.native}
    found = {LIBRARIES[step] for step in steps & LIBRARIES.keys()}
    own = {RUNTIME_LIBRARIES[it] for it in runtimes & RUNTIME_LIBRARIES.keys()}
    return tuple(sorted(found | own))


Finish = Callable[[dict[str, Array]], dict[str, Array]]
"""Makes the caller's outputs of what the graph computed."""


class Steps:
    """The processing steps around a graph.

    Args:
        steps: in the order of `before`.
        feeds: what the graph requires.
        outputs: what callers get.
    """

    def __init__(
        self, steps: Sequence[Step], feeds: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
    ) -> None:
        self._steps, self._feeds, self._outputs = steps, feeds, outputs
        self.extras = tuple(name for step in steps for name in step.extras)

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """See `Predictor.text_of`."""
        texts = (step.text_of(tokens) for step in self._steps)
        return next((text for text in texts if text is not None), None)

    def prepare(
        self, inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> tuple[dict[str, Array], Finish]:
        """Return what the graph gets of a request, and what makes the answer of its outputs.

        Raises:
            InvalidInput: a step does not accept the inputs.
            SessionError: a step failed.
        """
        arrays, extras = _plain(inputs), dict[str, Array]()
        for step in self._steps:
            arrays = step.before(arrays)
            extras |= {name: arrays.pop(name) for name in step.extras}
        feeds = _taken(arrays, self._feeds)
        past = {name: array for name, array in arrays.items() if name not in feeds}

        def finish(computed: dict[str, Array]) -> dict[str, Array]:
            arrays = past | _plain(computed)
            for step in reversed(self._steps):
                arrays = step.after(arrays)
            return _taken({**arrays, **extras}, self._outputs, outputs)

        return feeds, finish


def steps_of(artifact: Artifact, feeds: tuple[TensorSpec, ...]) -> Steps:
    """Return the processing steps of an artifact whose graph requires `feeds`.

    Raises:
        ValueError: a step is unknown here, or lacks its library.
    """
    options = artifact.specification["processing"]
    return Steps([make_step(each, artifact.files) for each in options], feeds, artifact.outputs)


class ProcessedSession(Backend):
    """A graph with processing steps around it.

    Args:
        graph: what computes it.
        steps: its steps.
        inputs: what callers send.
        outputs: what they get.
    """

    def __init__(
        self,
        graph: Backend,
        steps: Steps,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self._graph, self._steps = graph, steps
        self.inputs, self.outputs, self.extras = inputs, outputs, steps.extras

    def text_of(self, tokens: Sequence[int]) -> str | None:
        """See `Predictor.text_of`."""
        return self._steps.text_of(tokens)

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        feeds, finish = self._steps.prepare(inputs, outputs)
        return finish(self._graph.run(feeds))

    def feeds(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Return what the graph gets of a request.

        Raises:
            InvalidInput: a step does not accept the inputs.
        """
        return self._steps.prepare(inputs)[0]


def _plain(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(array) for name, array in arrays.items()}


def _taken(
    arrays: Mapping[str, Array], specs: Sequence[TensorSpec], names: Sequence[str] = ()
) -> dict[str, Array]:
    """Return the arrays of these names, else of all `specs`, in the datatypes of the specs."""
    datatypes = {spec.name: spec.datatype for spec in specs}
    wanted = names or tuple(datatypes)
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise SessionError(ValueError(f"the processing steps returned no '{missing[0]}'"))
    return {name: as_datatype(arrays[name], datatypes.get(name, "")) for name in wanted}
