"""A fitted estimator as an ONNX model, and as a function to compare it with."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, ValueInfoProto
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_extraction.text import _VectorizerMixin as VectorizerMixin
from sklearn.utils import get_tags

from functions.inference.artifact import TensorSpec
from functions.inference.session import OnnxSession
from functions.inference.tensors import DTYPES, Array
from model_packaging.conversion import Conversion, Processing, as_bytes, tool_versions
from model_packaging.estimators import (  # noqa: F401 the modules register what they convert
    encoders,
    ensembles,
    forests,
    histograms,
    linear,
    neighbors,
    scalers,
    text,
)
from model_packaging.estimators.boosters import is_booster, register
from model_packaging.estimators.calls import (
    Classes,
    classify,
    classify_each,
    detect,
    regress,
    transform,
)
from model_packaging.estimators.frame import Frame, matrix
from model_packaging.estimators.graph import Graph, Unsupported, as_array, value_info
from model_packaging.estimators.inputs import Inputs, inputs_of
from model_packaging.estimators.knowledge import learn
from model_packaging.estimators.leaves import inner
from model_packaging.manifest import ModelSpec

LABEL, SCORES = "label", "probabilities"
_ROWS = "batch"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of a kind of estimator.

    Args:
        add: adds the nodes to a graph, and gives each output's tensor, dtype and width; the
            width is None for an output of shape [rows].
        ask: the estimator's own answer to rows.
    """

    add: Callable[[Graph, Frame], dict[str, tuple[str, Any, int | None]]]
    ask: Callable[[Any], dict[str, Array]]


def answer_of(estimator: Any) -> Answer:
    """How the estimator answers.

    Raises:
        Unsupported: it can neither predict nor transform.
    """
    kind = get_tags(estimator).estimator_type
    if kind == "classifier" and _several(estimator):
        return _labels(estimator)
    if kind == "classifier":
        return _label(estimator)
    if kind in ("clusterer", "outlier_detector") and hasattr(estimator, "predict"):
        return _detector(estimator)
    if kind == "regressor" or (is_booster(estimator) and kind is None):  # a ranker
        return _regressor(estimator)
    if hasattr(estimator, "transform"):
        return _transformer(estimator)
    if kind == "density_estimator" and hasattr(estimator, "predict_proba"):
        return _mixture(estimator)
    raise Unsupported(f"is a {type(estimator).__name__}, which can neither predict nor transform")


def _several(estimator: Any) -> bool:
    """Whether a classifier has several labels for each row."""
    last = estimator
    while hasattr(last, "steps"):
        last = last.steps[-1][1]
    kind = getattr(getattr(last, "_label_binarizer", None), "y_type_", "")
    several = bool(getattr(last, "multilabel_", False)) or "multilabel" in kind
    return several or isinstance(getattr(last, "classes_", None), list)


def _named_classes(estimator: Any) -> Array:
    """The classes as the model calls them: int64, float64 or text."""
    classes = np.asarray(estimator.classes_)
    return _named(classes)


def _named(classes: Array) -> Array:
    """Labels as the model gives them."""
    if classes.dtype.kind == "f" and not (np.isfinite(classes).all() and (classes % 1 == 0).all()):
        return classes.astype(np.float64)
    if classes.dtype.kind in "biuf":
        return classes.astype(np.int64)
    kinds = {type(each) for each in classes.ravel().tolist()}
    if kinds <= {str}:
        return classes.astype(np.object_)
    if all(issubclass(each, int) for each in kinds):
        return classes.astype(np.int64)
    raise Unsupported("has classes of several types; train it with texts or whole numbers")


def _as_label(labels: Any, classes: Array) -> Array:
    array = np.asarray(labels)
    return as_bytes(array) if classes.dtype.kind == "O" else array.astype(classes.dtype)


def _label(estimator: Any) -> Answer:
    classes = _named_classes(estimator)
    scored = hasattr(estimator, "predict_proba")

    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        found = classify(estimator, graph, frame)
        outputs: dict[str, tuple[str, Any, int | None]] = {
            LABEL: (graph.choose(classes, found.index), classes.dtype, None)
        }
        if scored:
            outputs[SCORES] = (_scores(graph, found), np.float32, len(classes))
        return outputs

    def ask(rows: Any) -> dict[str, Array]:
        answers = {LABEL: _as_label(estimator.predict(rows), classes)}
        if scored:
            answers[SCORES] = np.asarray(estimator.predict_proba(rows), np.float32)
        return answers

    return Answer(add, ask)


def _scores(graph: Graph, found: Classes) -> str:
    if found.probabilities is None:
        raise Unsupported("has no ONNX form that gives probabilities")
    return graph.cast(found.probabilities, np.float32)


def _labels(estimator: Any) -> Answer:
    """Several labels: `label` of [rows, labels], and `probabilities_0`... of each."""
    flags = not isinstance(estimator.classes_, list)
    each_classes = [np.arange(2)] * len(estimator.classes_) if flags else estimator.classes_
    classes = [_named(np.asarray(each)) for each in each_classes]
    if len({each.dtype for each in classes}) > 1:
        raise Unsupported("has labels of several types; train a model for each")
    scored = hasattr(estimator, "predict_proba")

    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        found = classify_each(estimator, graph, frame)
        labels = [
            graph.upright(graph.choose(names, each.index))
            for names, each in zip(classes, found, strict=True)
        ]
        outputs: dict[str, tuple[str, Any, int | None]] = {
            LABEL: (graph.join(labels), classes[0].dtype, len(labels))
        }
        if scored and flags:
            likely = [graph.take(_scores(graph, each), [1]) for each in found]
            outputs[SCORES] = (graph.join(likely), np.float32, len(found))
        elif scored:
            outputs |= {
                f"{SCORES}_{place}": (_scores(graph, each), np.float32, len(classes[place]))
                for place, each in enumerate(found)
            }
        return outputs

    def ask(rows: Any) -> dict[str, Array]:
        answers = {LABEL: _as_label(as_array(estimator.predict(rows)), classes[0])}
        if scored and flags:
            answers[SCORES] = as_array(estimator.predict_proba(rows)).astype(np.float32)
        elif scored:
            answers |= {
                f"{SCORES}_{place}": np.asarray(each, np.float32)
                for place, each in enumerate(estimator.predict_proba(rows))
            }
        return answers

    return Answer(add, ask)


def _detector(estimator: Any) -> Answer:
    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        return {LABEL: (detect(estimator, graph, frame), np.int64, None)}

    return Answer(add, lambda rows: {LABEL: np.asarray(estimator.predict(rows), np.int64)})


def _mixture(estimator: Any) -> Answer:
    """A mixture of densities: the likeliest of them, and how likely each one is."""

    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        found = classify(estimator, graph, frame)
        return {
            LABEL: (found.index, np.int64, None),
            SCORES: (_scores(graph, found), np.float32, -1),
        }

    def ask(rows: Any) -> dict[str, Array]:
        shares = np.asarray(estimator.predict_proba(rows), np.float32)
        return {LABEL: np.asarray(estimator.predict(rows), np.int64), SCORES: shares}

    return Answer(add, ask)


def _regressor(estimator: Any) -> Answer:
    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        tensor = graph.cast(regress(estimator, graph, frame), np.float32)
        return {"prediction": (tensor, np.float32, -1)}

    def ask(rows: Any) -> dict[str, Array]:
        given = np.asarray(estimator.predict(rows), np.float32)
        return {"prediction": given.reshape(len(given), -1)}

    return Answer(add, ask)


def _transformer(estimator: Any) -> Answer:
    def add(graph: Graph, frame: Frame) -> dict[str, tuple[str, Any, int | None]]:
        found = transform(estimator, graph, frame)
        if found.has_text():
            raise Unsupported("is a transformer that gives texts, which is not supported")
        return {
            "transformed": (graph.cast(matrix(graph, found), np.float32), np.float32, found.width)
        }

    def ask(rows: Any) -> dict[str, Array]:
        return {"transformed": as_array(estimator.transform(rows)).astype(np.float32)}

    return Answer(add, ask)


def build(
    answer: Answer, inputs: Inputs, dtype: Any, wide: frozenset[str]
) -> tuple[ModelProto, Graph]:
    """The estimator as an ONNX model.

    Args:
        answer: how it answers.
        inputs: what it takes.
        dtype: what the graph computes in.
        wide: inputs that are FP64 instead of FP32.

    Raises:
        Unsupported: it has no ONNX form.
    """
    graph = Graph(dtype)
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


def reference_of(answer: Answer, inputs: Inputs, graph: Graph, *, framed: bool) -> Any:
    """The estimator's own answer to named arrays; see `conversion.Model`."""

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
        answer: how the estimator answers.
        inputs: what it takes.
        framed: whether it takes a frame with named columns.
    """

    spec: ModelSpec
    answer: Answer
    inputs: Inputs
    framed: bool

    def floats(self) -> frozenset[str]:
        """Inputs that may be FP64 instead of FP32."""
        return frozenset(spec.name for spec in self.inputs.specs() if spec.datatype == "FP32")

    def converted(
        self, dtype: Any, wide: frozenset[str]
    ) -> tuple[Conversion, Callable[[], frozenset[str]]]:
        """The conversion, and inputs whose rounding to FP32 changes an answer; see `build`.

        Raises:
            Unsupported: it has no ONNX form.
        """
        model, graph = build(self.answer, self.inputs, dtype, wide)
        reference = reference_of(self.answer, self.inputs, graph, framed=self.framed)
        specs = self.inputs.specs(wide)
        learned = learn(specs, graph.notes, reference)
        conversion = Conversion(
            model.SerializeToString(deterministic=True),
            reference,
            processing=_processing(model, graph, specs),
            known=learned.known,
            probes=learned.probes,
            domains=learned.domains,
        )
        return conversion, learned.rounded


def _processing(
    model: ModelProto, graph: Graph, specs: tuple[TensorSpec, ...]
) -> Processing | None:
    """The steps that count n-grams of texts, if there are some."""
    if not graph.steps:
        return None
    steps = tuple(step.options for step in graph.steps)
    files = {step.file: step.content for step in graph.steps}
    return Processing(steps, files, specs, OnnxSession(model.SerializeToString()).outputs)


def fitted(spec: ModelSpec, estimator: Any) -> Fitted:
    """A fitted estimator with the inputs that the manifest describes.

    Raises:
        Unsupported: it is not fitted, or can neither predict nor transform.
        ManifestError: the inputs do not fit it.
    """
    register()
    _calm(estimator)
    features = _features(estimator)
    inputs = inputs_of(spec, estimator, features)
    framed = inputs.names is not None and (len(inputs.shapes) > 1 or picks_names(estimator))
    if framed:
        tool_versions(spec, "tabular", "pandas")
    return Fitted(spec, answer_of(estimator), inputs, framed)


def _calm(estimator: Any) -> None:
    """Let the estimator answer in one thread and silently; threads cost more than a few rows."""
    for option, value in (("n_jobs", None), ("verbose", 0)):
        if option in vars(estimator) and not is_booster(estimator):
            setattr(estimator, option, value)
    for each in inner(estimator):
        _calm(each)


def _features(estimator: Any) -> int | None:
    """How many columns it was fitted on; None for a list of texts."""
    features = getattr(estimator, "n_features_in_", None)
    if features is not None:
        return int(features)
    if not _reads_texts(estimator):
        raise Unsupported("is not fitted, or takes other inputs than rows of columns or texts")
    return None


def _reads_texts(estimator: Any) -> bool:
    if isinstance(estimator, VectorizerMixin):
        return isinstance(estimator, HashingVectorizer) or hasattr(estimator, "vocabulary_")
    return any(_reads_texts(each) for each in inner(estimator))


def picks_names(estimator: Any) -> bool:
    """Whether a column transformer inside picks columns by name, which only a frame has."""
    if isinstance(estimator, ColumnTransformer):
        columns = [each for _, _, chosen in estimator.transformers_ for each in _listed(chosen)]
        return any(isinstance(each, str) for each in columns)
    return any(picks_names(each) for each in inner(estimator))


def _listed(columns: Any) -> list[Any]:
    if isinstance(columns, slice):
        return [columns.start, columns.stop]
    return [columns] if isinstance(columns, str | int) else list(columns)
