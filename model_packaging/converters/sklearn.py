"""scikit-learn estimators and pipelines of numeric features, from .skops, .joblib or .pkl files.

The ONNX model takes `X`, float32 of shape [-1, features], and answers

- a classifier: `label` [-1], int64 or text, and `probabilities` [-1, classes] when it has them;
- a clusterer or outlier detector: `label` [-1];
- a regressor: `prediction` [-1, targets];
- a transformer: `transformed` [-1, columns].
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, Model, as_bytes, tool_versions
from model_packaging.errors import ConversionError, SourceUnreadable, SourceUntrusted
from model_packaging.manifest import ModelSpec

if TYPE_CHECKING:
    from onnx import ModelProto

OPSETS = {"": 17, "ai.onnx.ml": 3}
GRAPH_NAME = "lading"
INPUT = "X"

_ANSWERS = {
    "classifier": (("label", "predict"), ("probabilities", "predict_proba")),
    "clusterer": (("label", "predict"),),
    "outlier_detector": (("label", "predict"),),
    "regressor": (("prediction", "predict"),),
    "transformer": (("transformed", "transform"),),
}
"""Kind of estimator -> outputs in the order in which skl2onnx gives them, and their methods."""


class SklearnConverter:
    """See `conversion.Converter`."""

    framework = "scikit-learn"
    keys: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    suffixes = (".skops", ".joblib", ".pkl")

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "demo", "onnx", "scikit-learn", "skl2onnx", "skops")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        name, source = spec.name, spec.source
        load = _load_skops if source.suffix == ".skops" else _load_pickle
        estimator = load(name, source, trust=spec.trust)
        features = _features(name, source, estimator)
        answers = _answers(name, estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' deprecations of one another
            model = _to_onnx(name, estimator, features, list(answers))
        reference = _reference(estimator, answers, model)
        return Conversion(model.SerializeToString(deterministic=True), reference)


CONVERTER = SklearnConverter()


def _load_skops(name: str, source: Path, *, trust: bool) -> Any:
    from skops import io

    content = source.read_bytes()
    untrusted = _attempt(name, source, lambda: io.get_untrusted_types(data=content))
    if untrusted and not trust:
        raise SourceUntrusted(name, source, untrusted)
    return _attempt(name, source, lambda: io.loads(content, trusted=untrusted))


def _load_pickle(name: str, source: Path, *, trust: bool) -> Any:
    if not trust:
        raise SourceUntrusted(name, source, ["it is a pickle"])
    import joblib

    return _attempt(name, source, lambda: joblib.load(source))


def _attempt(name: str, source: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # a damaged file, or code that it brings along, raises anything
        reason = f"is damaged or no {source.suffix} file: {error!r}"
        raise SourceUnreadable(name, source, reason) from error


def _features(name: str, source: Path, estimator: Any) -> int:
    from sklearn.base import BaseEstimator

    if not isinstance(estimator, BaseEstimator):
        kind = type(estimator).__name__
        raise SourceUnreadable(name, source, f"holds a {kind}, not a scikit-learn estimator")
    features = getattr(estimator, "n_features_in_", None)
    if features is None:
        raise ConversionError(name, "is not fitted, or takes other inputs than rows of numbers")
    return int(features)


def _answers(name: str, estimator: Any) -> dict[str, str]:
    """Output -> the estimator's method that gives it."""
    from sklearn.utils import get_tags

    transforms = "transformer" if hasattr(estimator, "transform") else ""
    kind = get_tags(estimator).estimator_type or transforms
    found = {
        output: method for output, method in _ANSWERS.get(kind, ()) if hasattr(estimator, method)
    }
    if not found:
        raise ConversionError(
            name, f"is a {type(estimator).__name__}, which can neither predict nor transform"
        )
    return found


def _to_onnx(name: str, estimator: Any, features: int, outputs: list[str]) -> "ModelProto":
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    # Said of the last step: of a pipeline, skl2onnx would pass it on to steps that do not take it.
    options = {"zipmap": False} if "probabilities" in outputs else {}
    try:
        model = to_onnx(
            estimator,
            name=GRAPH_NAME,
            initial_types=[(INPUT, FloatTensorType([None, features]))],
            options={id(_last_step(estimator)): options},
            target_opset=OPSETS,
        )
    except Exception as error:  # skl2onnx's converters raise whatever their code runs into
        reason = str(error).partition("\n")[0]
        raise ConversionError(name, f"has no ONNX form: {reason}") from error
    return _with_outputs(name, model, outputs)


def _last_step(estimator: Any) -> Any:
    while hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    return estimator


def _with_outputs(name: str, model: "ModelProto", outputs: list[str]) -> "ModelProto":
    """The model with just the first outputs, under these names."""
    given = [value.name for value in model.graph.output][: len(outputs)]
    if len(given) < len(outputs):
        raise ConversionError(name, f"has no ONNX form that gives {outputs[-1]}")
    del model.graph.output[len(outputs) :]
    _state_opsets_once(model)
    _prune(model, given)
    inner = {output: f"inner_{output}" for output in outputs}  # a name may be taken inside
    names = {**inner, **dict(zip(given, outputs, strict=True))}
    for node in model.graph.node:
        node.output[:] = [names.get(value, value) for value in node.output]
        node.input[:] = [names.get(value, value) for value in node.input]
    for value in model.graph.output:
        value.name = names[value.name]
    return model


def _state_opsets_once(model: "ModelProto") -> None:
    """skl2onnx states an opset twice for a lone tree, which other tools refuse."""
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    model.ClearField("opset_import")
    for domain, number in opsets.items():
        model.opset_import.add(domain=domain, version=number)


def _prune(model: "ModelProto", outputs: list[str]) -> None:
    """Drop what the outputs do not need."""
    needed = set(outputs)
    for node in reversed(list(model.graph.node)):
        if needed.isdisjoint(node.output):
            model.graph.node.remove(node)
        needed.update(node.input if needed.intersection(node.output) else ())
    for weight in list(model.graph.initializer):
        if weight.name not in needed:
            model.graph.initializer.remove(weight)


def _reference(estimator: Any, answers: dict[str, str], model: "ModelProto") -> Model:
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in model.graph.output}

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # trained with column names, asked without
            return {
                output: _as_answer(getattr(estimator, method)(inputs[INPUT]), output, ranks[output])
                for output, method in answers.items()
            }

    return reference


def _as_answer(given: Any, output: str, rank: int) -> Array:
    """What the estimator gave, in the dtype and rank of the ONNX output."""
    array = np.asarray(given.toarray() if hasattr(given, "toarray") else given)
    if output != "label":
        array = array.astype(np.float32)
    elif array.dtype.kind in "OUS":
        array = as_bytes(array)
    else:
        array = array.astype(np.int64)
    return array.reshape(len(array), -1) if rank > 1 else array
