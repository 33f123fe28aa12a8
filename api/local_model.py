"""A packaged version, loaded in this process: `load`."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from lading.api.answers import Answer
from lading.api.locked import LOCK, chosen_version, read_locked
from lading.api.values import as_inputs
from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.predictor import with_signature
from lading.functions.inference.tensors.conversion import Array


class LocalModel:
    """A packaged version, loaded and verified as a server loads it.

    Args:
        artifact: the version's artifact.
        number: its number.
        signature: the name of a signature; empty: the default one.
    """

    def __init__(self, artifact: Artifact, number: int, signature: str = "") -> None:
        self.artifact, self._predictor = artifact, open_here(artifact, number)
        self._predictor = with_signature(self._predictor, signature)
        self.metadata = self._predictor.metadata
        self.name, self.version = self.metadata.name, number
        self.classes = artifact.specification.get("classes", {})

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs: name, datatype and shape, -1 for any size."""
        return self.metadata.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs, in the same form."""
        return self.metadata.outputs

    def predict(self, inputs: Any, outputs: Sequence[str] = ()) -> Answer:
        """Return the model's answer, which is that of every server of this version.

        Args:
            inputs: a data frame, arrays by name, one array, nested lists, records, or bytes of an
                image.
            outputs: names of the outputs; empty: all.

        Raises:
            InputUnreadable: a column is missing, or has values of another type.
            InferenceError: a value does not fit the signature, or the model failed.
        """
        arrays = self.run(as_inputs(inputs, self.metadata), outputs)
        return Answer.of(self.metadata, arrays, self.classes)

    def run(self, arrays: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """Return the outputs for arrays of the inputs' dtypes; errors are those of `predict`."""
        return self._predictor.predict(arrays, outputs)

    def __repr__(self) -> str:
        sides = [", ".join(map(_described, side)) for side in (self.inputs, self.outputs)]
        return f"<{self.name} version {self.version}: {sides[0]} -> {sides[1]}>"

    def _repr_html_(self) -> str:
        """Return a table of the signature, for notebooks."""
        rows = [
            f"<tr><td>{side}</td><td>{escape(spec.name)}</td><td>{escape(_typed(spec))}</td></tr>"
            for side, specs in (("input", self.inputs), ("output", self.outputs))
            for spec in specs
        ]
        title = f"{escape(self.name)} version {self.version}"
        return f"<table><caption>{title}</caption>{''.join(rows)}</table>"


def load(
    name: str,
    version: int | None = None,
    *,
    label: str | None = None,
    signature: str = "",
    lock: str | Path = LOCK,
) -> LocalModel:
    """Load a packaged version into this process; nothing is unpickled, every byte is verified.

    Args:
        name: the model's name.
        version: the number of a version.
        label: the label of a version; without either, the stable one, else the newest.
        signature: the name of a signature; empty: the default one.
        lock: models.lock.json.

    Raises:
        NothingLocked: the lock does not have it.
        EngineNeeded: an engine serves it.
        ArtifactError: it is missing or damaged.
    """
    number = chosen_version(Path(lock), name, version, label)
    return LocalModel(read_locked(Path(lock), name, number), number, signature)


def _typed(spec: TensorSpec) -> str:
    shape = " x ".join("any" if size == -1 else str(size) for size in spec.shape)
    return f"{spec.datatype} [{shape}]"


def _described(spec: TensorSpec) -> str:
    return f"{spec.name} {_typed(spec)}"
