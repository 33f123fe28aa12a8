"""A fitted estimator as its own public calls answer it, for an artifact that keeps its file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import threadpoolctl

from lading.functions.inference.tensors.conversion import BYTES, Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.converters.framework_errors import refusing
from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.estimators.answers import LABEL, SCORES
from lading.model_packaging.estimators.composition import is_missing
from lading.model_packaging.estimators.files import load
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.missing import note_steps
from lading.model_packaging.estimators.model import Fitted, fitted
from lading.model_packaging.estimators.notes import Notes, Origin
from lading.model_packaging.manifest.models import ModelSpec

_METHODS = {LABEL: "predict", "prediction": "predict", "transformed": "transform"}


@dataclass(frozen=True, slots=True)
class EstimatorFile:
    """A fitted estimator, and what is known of its columns.

    Args:
        fitted: the estimator with its inputs and outputs.
        notes: thresholds, categories and missing texts of its columns.
    """

    fitted: Fitted
    notes: Notes

    def answer(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Return what the estimator's public calls answer, with numbers in their own type."""
        found, framed = self.fitted, self.fitted.framed
        rows = found.inputs.rows(inputs, self.notes, framed=framed)
        return found.answer.ask(rows, None)

    def missing(self) -> list[str]:
        """Return what the empty text stands for in each training column; see `native.skops`."""
        inputs, spec = self.fitted.inputs, self.fitted.spec
        texts = {name for name, each in inputs.shapes.items() if each.datatype == BYTES}
        return [
            _word(spec, self.notes.of(name, place).missing if name in texts else "")
            for name, place in inputs.columns
        ]


def open_file(spec: ModelSpec) -> EstimatorFile:
    """Load the estimator from a .skops file.

    Raises:
        SourceUnreadable: the file is another one.
        SourceUntrusted: it has types that the manifest does not trust.
        ConversionError: it is not fitted, or can neither predict nor transform.
        ManifestError: the stated inputs do not fit it.
    """
    if spec.source.suffix.lower() != ".skops":
        reason = "may be a pickle, which no endpoint loads; save it by skops.io.dump as .skops"
        raise SourceUnreadable(spec.name, spec.source, reason)
    estimator = load(spec)
    try:
        found = fitted(spec, estimator)
    except NoOnnxForm as error:
        raise ConversionError(spec.name, str(error)) from error
    return EstimatorFile(found, _notes(found, estimator))


def open_original(spec: ModelSpec) -> Model:
    """Return the estimator in the file as a function of named arrays, in one thread.

    The threads of OpenMP spin after each of the many small requests of the check.

    Raises:
        PackagingError: it cannot be opened.
    """
    threadpoolctl.threadpool_limits(limits=1)
    return refusing(open_file(spec).answer)


def calls_of(outputs: Iterable[str]) -> dict[str, list[Any]]:
    """Return, by output, the public method that computes it, and the part of a list or None."""
    return {name: _call(name) for name in outputs}


def _call(output: str) -> list[Any]:
    if not output.startswith(SCORES):
        return [_METHODS[output], None]
    place = output.removeprefix(SCORES).removeprefix("_")
    return ["predict_proba", int(place) if place else None]


def _notes(found: Fitted, estimator: Any) -> Notes:
    """Return what the steps know, also of those whose ONNX form is known."""
    graph = GraphBuilder(np.float64)
    wide = found.floats()
    try:
        found.answer.add(graph, found.inputs.frame(graph, wide))
    except NoOnnxForm:
        graph.notes.forests.clear()  # of a part of the estimator
    origins = [Origin(name, place) for name, place in found.inputs.columns]
    note_steps(estimator, origins, found.inputs.names, graph.notes)
    return graph.notes


def _word(spec: ModelSpec, missing: Any) -> str:
    if missing is None:
        return "none"
    if isinstance(missing, str) and not missing:
        return "text"
    if isinstance(missing, float) and is_missing(missing):
        return "nan"
    reason = f"has an imputer of missing_values={missing!r}; use None or numpy.nan"
    raise ConversionError(spec.name, reason)
