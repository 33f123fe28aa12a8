"""Converts a fitted estimator to ONNX, with the estimator as the reference to compare with."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, ValueInfoProto
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_extraction.text import _VectorizerMixin as VectorizerMixin
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.conversion import Conversion, Processing, tool_versions
from lading.model_packaging.estimators.answers import EstimatorOutputs, answer_of
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.inputs import Inputs, inputs_of
from lading.model_packaging.estimators.kinds import (  # noqa: F401 the modules register what they convert
    calibration,
    encoders,
    ensembles,
    forests,
    histograms,
    imputers,
    linear,
    neighbors,
    scalers,
    targets,
    text,
)
from lading.model_packaging.estimators.kinds.boosters import is_booster, register
from lading.model_packaging.estimators.kinds.leaves import inner, require_operators
from lading.model_packaging.estimators.knowledge import learn
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_nodes import value_info

_ROWS = "batch"


def build(
    answer: EstimatorOutputs, inputs: Inputs, dtype: Any, wide: frozenset[str]
) -> tuple[ModelProto, GraphBuilder]:
    """Build the ONNX model of an estimator.

    Args:
        answer: its outputs.
        inputs: its inputs.
        dtype: the type that the graph computes with.
        wide: inputs that are FP64 instead of FP32.

    Raises:
        NoOnnxForm: it has no ONNX form.
    """
    graph = GraphBuilder(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows without names, and the libraries' deprecations
        found = answer.add(graph, inputs.frame(graph, wide))
    outputs = []
    for name, (tensor, kind, width) in found.items():
        graph.named(tensor, name)
        sizes = (_ROWS,) if width is None else (_ROWS, f"{name}_width" if width < 0 else width)
        outputs.append(value_info(name, kind, sizes))
    values = [_input(spec.name, spec.datatype, spec.shape) for spec in inputs.specs(wide)]
    values += [value_info(step.counts, np.float32, (_ROWS, step.width)) for step in graph.steps]
    return graph.model(values, outputs), graph


def _input(name: str, datatype: str, shape: tuple[int, ...]) -> ValueInfoProto:
    return value_info(name, DTYPES[datatype], [_ROWS if size == -1 else size for size in shape])


def reference_of(
    answer: EstimatorOutputs, inputs: Inputs, graph: GraphBuilder, *, framed: bool
) -> Any:
    """Return the estimator as a function of named arrays; see `conversion.Model`."""

    def reference(arrays: Mapping[str, Array]) -> dict[str, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown categories, and rows without names
            try:
                return answer.ask(inputs.rows(arrays, graph.notes, framed=framed))
            except (ArithmeticError, LookupError, TypeError) as error:  # as of a number too large
                raise ValueError(f"{type(error).__name__}: {error}") from error

    return reference


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted estimator, ready to be converted.

    Args:
        spec: the model, from the manifest.
        answer: the estimator's outputs.
        inputs: its inputs.
        framed: whether it needs a frame with named columns.
        accepted: rows that the estimator was called with, and whether it accepted them.
    """

    spec: ModelSpec
    answer: EstimatorOutputs
    inputs: Inputs
    framed: bool
    accepted: dict[bytes, bool] = field(default_factory=dict)

    def floats(self) -> frozenset[str]:
        """Return the inputs that may be FP64 instead of FP32."""
        return frozenset(spec.name for spec in self.inputs.specs() if spec.datatype == "FP32")

    def converted(
        self, dtype: Any, wide: frozenset[str]
    ) -> tuple[Conversion, Callable[[], frozenset[str]]]:
        """Return the conversion, and the inputs whose rounding to FP32 changes answers.

        Raises:
            NoOnnxForm: it has no ONNX form.
        """
        model, graph = build(self.answer, self.inputs, dtype, wide)
        reference = reference_of(self.answer, self.inputs, graph, framed=self.framed)
        specs = self.inputs.specs(wide)
        learned = learn(specs, graph.notes, reference, self.accepted)
        conversion = Conversion(
            model.SerializeToString(deterministic=True),
            reference,
            processing=_processing(model, graph, specs),
            known=learned.known,
            probes=learned.probes,
            domains=learned.domains,
            classes=self.answer.classes,
        )
        return conversion, learned.rounded


def _processing(
    model: ModelProto, graph: GraphBuilder, specs: tuple[TensorSpec, ...]
) -> Processing | None:
    """Return the steps that count n-grams of texts, if there are any."""
    if not graph.steps:
        return None
    steps = tuple(step.options for step in graph.steps)
    files = {step.file: step.content for step in graph.steps}
    return Processing(steps, files, specs, OnnxSession(model.SerializeToString()).outputs)


def fitted(spec: ModelSpec, estimator: Any) -> Fitted:
    """Return a fitted estimator with the inputs that the manifest describes.

    Raises:
        NoOnnxForm: it is not fitted, or can neither predict nor transform.
        ManifestError: the inputs do not fit it.
    """
    register()
    _calm(estimator)
    first = taker_of(estimator)
    inputs = inputs_of(spec, first, features_of(first))
    framed = inputs.names is not None and (len(inputs.shapes) > 1 or picks_names(estimator))
    if framed:
        tool_versions(spec, "tabular", "pandas")
    return Fitted(spec, answer_of(estimator), inputs, framed)


def _calm(estimator: Any) -> None:
    """Make the estimator use one thread and print nothing: threads cost more than a few rows."""
    for option, value in (("n_jobs", None), ("verbose", 0)):
        if option in vars(estimator) and not is_booster(estimator):
            setattr(estimator, option, value)
    for each in inner(estimator):
        _calm(each)


def taker_of(estimator: Any) -> Any:
    """Return the part of an estimator that knows the columns: not a step that passes them on."""
    if isinstance(estimator, BaseSearchCV) and hasattr(estimator, "best_estimator_"):
        return taker_of(estimator.best_estimator_)
    if isinstance(estimator, Pipeline) and isinstance(estimator.steps[0][1], str | None):
        return taker_of(estimator[1:])
    return estimator


def features_of(estimator: Any) -> int | None:
    """Return the number of columns that it was fitted on; None for a list of texts."""
    features = getattr(estimator, "n_features_in_", None)
    if features is not None:
        return int(features)
    require_operators(estimator)
    if not _reads_texts(estimator):
        raise NoOnnxForm(
            "is not fitted, or its inputs are neither rows nor texts; fit it before saving it"
        )
    return None


def _reads_texts(estimator: Any) -> bool:
    if isinstance(estimator, VectorizerMixin):
        return isinstance(estimator, HashingVectorizer) or hasattr(estimator, "vocabulary_")
    return any(_reads_texts(each) for each in inner(estimator))


def picks_names(estimator: Any) -> bool:
    """Return whether a column transformer inside picks columns by name, which only a frame has."""
    if isinstance(estimator, ColumnTransformer):
        columns = [each for _, _, chosen in estimator.transformers_ for each in _listed(chosen)]
        return any(isinstance(each, str) for each in columns)
    return any(picks_names(each) for each in inner(estimator))


def _listed(columns: Any) -> list[Any]:
    if isinstance(columns, slice):
        return [columns.start, columns.stop]
    return [columns] if isinstance(columns, str | int) else list(columns)
