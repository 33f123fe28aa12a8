"""scikit-learn estimators and pipelines, from .skops, .joblib or .pkl files.

The ONNX model takes `X`, float32 of shape [-1, features]; or, where the manifest names `inputs`, a
column for each: numbers or texts (BYTES) of shape [-1] or [-1, 1]. It answers

- a classifier: `label` [-1], int64 or text, and `probabilities` [-1, classes] when it has them;
- a clusterer or outlier detector: `label` [-1];
- a regressor: `prediction` [-1, targets];
- a transformer: `transformed` [-1, columns].
"""

import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, Model, as_bytes, tool_versions
from model_packaging.errors import ConversionError, ManifestError, SourceUnreadable, SourceUntrusted
from model_packaging.manifest import ModelSpec
from model_packaging.original import BATCH, InputShape
from model_packaging.source_archive import require_harmless

if TYPE_CHECKING:
    from onnx import ModelProto

OPSETS = {"": 17, "ai.onnx.ml": 3}
_TABLE = InputShape((BATCH, 1))
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
    keys = ("inputs",)
    contents: tuple[str, ...] = ()
    suffixes = (".skops", ".joblib", ".pkl", ".pickle")

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "demo", "onnx", "scikit-learn", "skl2onnx", "skops")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        name, source = spec.name, spec.source
        require_harmless(spec)
        load = _load_skops if _is_skops(source) else _load_pickle
        estimator = load(name, source, trust=spec.trust)
        columns = _columns(spec, _features(name, source, estimator))
        answers = _answers(name, estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' deprecations of one another
            model = _to_onnx(name, estimator, columns, list(answers))
        reference = _reference(spec, estimator, answers, model)
        _flatten_inputs(model, spec.original.inputs)
        return Conversion(model.SerializeToString(deterministic=True), reference)


CONVERTER = SklearnConverter()


def _is_skops(source: Path) -> bool:
    """By its content too: with `framework: scikit-learn` a file may have any suffix."""
    if source.suffix == ".skops" or not zipfile.is_zipfile(source):
        return source.suffix == ".skops"
    with zipfile.ZipFile(source) as archive:
        return "schema.json" in archive.namelist()


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
        reason = f"is damaged or no file of scikit-learn: {error!r}"
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


def _columns(spec: ModelSpec, features: int) -> list[tuple[str, Any]]:
    """The inputs as skl2onnx takes them: one table of numbers, or a table of each column."""
    from skl2onnx.common import data_types

    if not spec.original.inputs:
        return [(INPUT, data_types.FloatTensorType([None, features]))]
    kinds = {
        "BYTES": data_types.StringTensorType,
        "FP32": data_types.FloatTensorType,
        "INT64": data_types.Int64TensorType,
    }
    if len(spec.original.inputs) != features:
        reason = f"are {len(spec.original.inputs)} columns, the estimator was fitted on {features}"
        raise ManifestError(spec.place("inputs"), reason)
    for name, each in spec.original.inputs.items():
        if (
            each.datatype not in kinds
            or len(each.shape) not in (1, 2)
            or each.shape[1:] not in ((), (1,))
        ):
            reason = f"'{name}' must be a column: {', '.join(kinds)} of shape [batch] or [batch, 1]"
            raise ManifestError(spec.place("inputs"), reason)
    return [(name, kinds[each.datatype]([None, 1])) for name, each in spec.original.inputs.items()]


def _flatten_inputs(model: "ModelProto", inputs: Mapping[str, InputShape]) -> None:
    """Let callers send a column as a list of values, where the manifest says [batch]."""
    from onnx import helper, numpy_helper

    flat = [value for value in model.graph.input if len(inputs.get(value.name, _TABLE).shape) == 1]
    if not flat:
        return
    names = {value.name: f"{value.name}_column" for value in flat}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    axis = "column_axis"
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), axis))
    for value in reversed(flat):
        del value.type.tensor_type.shape.dim[1]
        node = helper.make_node("Unsqueeze", [value.name, axis], [names[value.name]])
        model.graph.node.insert(0, node)


def _to_onnx(
    name: str, estimator: Any, columns: list[tuple[str, Any]], outputs: list[str]
) -> "ModelProto":
    from skl2onnx import to_onnx

    # Said of the last step: of a pipeline, skl2onnx would pass it on to steps that do not take it.
    options = {"zipmap": False} if "probabilities" in outputs else {}
    try:
        model = to_onnx(
            estimator,
            name=GRAPH_NAME,
            initial_types=columns,
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


def _table(spec: ModelSpec, estimator: Any, inputs: dict[str, Array]) -> Any:
    """What the estimator takes: one array, or a frame of named columns."""
    if not spec.original.inputs:
        return inputs[INPUT]
    columns = {name: _values(inputs[name]) for name in spec.original.inputs}
    if not hasattr(estimator, "feature_names_in_"):
        return np.stack([each.astype(np.object_) for each in columns.values()], axis=1)
    tool_versions(spec, "tabular", "pandas")
    import pandas as pd

    return pd.DataFrame(columns)[list(estimator.feature_names_in_)]


def _values(column: Array) -> Array:
    if column.dtype.kind != "O":
        return column.ravel()
    return np.array([each.decode() for each in column.ravel()], np.object_)


def _reference(
    spec: ModelSpec, estimator: Any, answers: dict[str, str], model: "ModelProto"
) -> Model:
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in model.graph.output}

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # trained with column names, asked without
            table = _table(spec, estimator, inputs)
            return {
                output: _as_answer(getattr(estimator, method)(table), output, ranks[output])
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
