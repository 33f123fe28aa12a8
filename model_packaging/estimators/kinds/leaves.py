"""Estimators that skl2onnx converts, each on one table of numbers."""

import warnings
from copy import copy
from typing import Any

import numpy as np
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import BaseEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.svm._base import BaseLibSVM

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.estimators.frame import Frame, computed, matrix
from lading.model_packaging.estimators.graph import TWO, GraphBuilder, NoOnnxForm
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.onnx_nodes import NAME, OPSETS

_ROWS = "X"
_TYPICAL = (
    "mean_", "center_", "location_", "cluster_centers_", "theta_", "means_", "support_vectors_",
    "_fit_X", "X_train_", "X_fit_", "quantiles_", "statistics_", "data_min_", "data_max_", "xbar_",
    "_x_mean",
)  # fmt: skip
"""Fitted attributes that hold rows with values like those of training."""
_MOST_TYPICAL = 64
_LARGEST_TYPICAL = 1e15
_WRONG = frozenset(
    {"RadiusNeighborsClassifier", "RadiusNeighborsRegressor", "KNeighborsTransformer"}
)
"""Estimators that skl2onnx converts wrongly."""
_KERNELS = frozenset({"linear", "poly", "rbf", "sigmoid"})
"""Kernels of support vector machines that ONNX has."""


def transform(estimator: Any, graph: GraphBuilder, frame: Frame) -> Frame:
    """See `calls.transform`."""
    return computed(*_converted(estimator, graph, frame, {}, 1)[0])


def classify(estimator: Any, graph: GraphBuilder, frame: Frame) -> tuple[str, str | None]:
    """Add the index of the class, and the probabilities if the classifier has any."""
    scores = hasattr(estimator, "predict_proba")
    numbered = _numbered(estimator)
    outputs = _converted(numbered, graph, frame, {"zipmap": False}, 1 + scores)
    index = graph.flat(outputs[0][0])
    if numbered is estimator:
        index = _index(graph, index, estimator.classes_)
    return index, outputs[1][0] if scores else None


def shares(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add `estimator.predict_proba`, of any shape."""
    return _converted(estimator, graph, frame, {"zipmap": False}, 2)[1][0]


def decide(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """See `calls.decide`."""
    options = {"zipmap": False, "raw_scores": True}
    tensor, _, origins = _converted(_numbered(estimator), graph, frame, options, 2)[1]
    return graph.take(tensor, [1]) if len(estimator.classes_) == len(origins) == TWO else tensor


def regress(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """See `calls.regress`."""
    tensor, _, origins = _converted(estimator, graph, frame, {}, 1)[0]
    return tensor if origins else graph.upright(tensor)


def detect(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """See `calls.detect`."""
    return graph.cast(graph.flat(_converted(estimator, graph, frame, {}, 1)[0][0]), np.int64)


def _numbered(estimator: Any) -> Any:
    """Return a copy whose classes are 0, 1...; the estimator itself if they cannot be set."""
    numbered = copy(estimator)
    try:
        numbered.classes_ = np.arange(len(estimator.classes_))
    except AttributeError:
        return estimator
    return numbered


def _index(graph: GraphBuilder, label: str, classes: Any) -> str:
    kind = np.asarray(classes).dtype.kind
    if kind not in "biuOUS":
        raise NoOnnxForm(f"has classes of type {np.asarray(classes).dtype}; use texts or integers")
    keys: dict[str, Any] = {"keys_strings": [str(each) for each in classes]}
    if kind in "biu":
        keys = {"keys_int64s": [int(each) for each in classes]}
    places = list(range(len(classes)))
    return graph.node("LabelEncoder", label, domain="ai.onnx.ml", values_int64s=places, **keys)


def _converted(
    estimator: Any, graph: GraphBuilder, frame: Frame, options: dict[str, Any], count: int
) -> list[tuple[str, Any, list[None]]]:
    """Add the estimator; return each output's tensor, dtype, and an origin (None) per column."""
    kind = type(estimator).__name__
    if type(estimator) not in sklearn_operator_name_map or kind in _WRONG:
        raise NoOnnxForm(f"has a {kind}, which is not supported; see docs/frameworks.md")
    require_operators(estimator)
    if holds_trees(estimator):
        raise NoOnnxForm(f"has a {kind} around trees, which is not supported")
    rows = matrix(graph, frame)
    _note(graph, frame, estimator)
    known = get_converter(sklearn_operator_name_map[type(estimator)]).get_allowed_options() or {}
    accepted = {key: value for key, value in options.items() if key in known}
    model, session, dtype = _loaded(estimator, graph, frame.width, accepted)
    feed = rows if dtype == graph.dtype else graph.cast(rows, dtype)
    tensors = graph.embed(model, {_ROWS: feed})[:count]
    if len(tensors) < count:
        raise NoOnnxForm(f"has a {kind}, for which skl2onnx does not return all outputs")
    answer = session.run({_ROWS: np.zeros((1, frame.width), dtype)})
    found = []
    for tensor, spec in zip(tensors, session.outputs, strict=False):
        given, own = DTYPES[spec.datatype], graph.dtype
        real = given.kind == "f" and given != own
        shape = answer[spec.name].shape
        width = shape[1] if len(shape) > 1 else 0
        found.append(
            (graph.cast(tensor) if real else tensor, own if real else given, [None] * width)
        )
    return found


def require_operators(estimator: Any) -> None:
    """Refuse estimators that need operators which ONNX does not have.

    Raises:
        NoOnnxForm: the estimator is such a one; the text says what to train instead.
    """
    kind = type(estimator).__name__
    if isinstance(estimator, GaussianProcessClassifier):
        reason = "solves equations for each row, which ONNX has no operator for"
        raise NoOnnxForm(f"has a {kind}, which {reason}; train an SVC or a LogisticRegression")
    if isinstance(estimator, BaseLibSVM) and estimator.kernel not in _KERNELS:
        given = estimator.kernel if isinstance(estimator.kernel, str) else "custom"
        reason = f"has a {kind} with the kernel '{given}', which ONNX has no operator for"
        raise NoOnnxForm(f"{reason}; train it with one of {', '.join(sorted(_KERNELS))}")


def _loaded(
    estimator: Any, graph: GraphBuilder, width: int, options: dict[str, Any]
) -> tuple[ModelProto, OnnxSession, Any]:
    """Return skl2onnx's model, in the graph's dtype if onnxruntime supports it, else in float32."""
    reason = ""
    for dtype in dict.fromkeys((graph.dtype, np.dtype(np.float32))):
        try:
            with library_errors():
                model = _to_onnx(estimator, width, dtype, options)
                session = OnnxSession(model.SerializeToString())
                session.run({_ROWS: np.zeros((1, width), dtype)})
        except LibraryFailed as error:
            reason = reason or str(error)[:200]
        else:
            return model, session, dtype
    raise NoOnnxForm(f"has no ONNX form: {type(estimator).__name__}: {reason}")


def _to_onnx(estimator: Any, width: int, dtype: Any, options: dict[str, Any]) -> ModelProto:
    kind = DoubleTensorType if dtype == np.float64 else FloatTensorType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations among the libraries
        model: ModelProto = to_onnx(
            estimator,
            name=NAME,
            initial_types=[(_ROWS, kind([None, width]))],
            options={id(estimator): options} if options else None,
            target_opset=OPSETS,
        )
    return model


def _boundary(estimator: Any, width: int) -> list[Array]:
    """Return rows of the size that the weights of a linear model fit.

    Each column holds the number that adds 1, and the one that cancels the intercept.
    """
    weights, start = (vars(estimator).get(name) for name in ("coef_", "intercept_"))
    if not isinstance(weights, np.ndarray) or np.atleast_2d(weights).shape[-1] != width:
        return []
    rows = []
    starts = np.broadcast_to(
        np.asarray(start if start is not None else 0.0), len(np.atleast_2d(weights))
    )
    for each, intercept in zip(np.atleast_2d(weights), starts, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            rows += [1 / each, -intercept / each]
    return [np.where(np.abs(row) < _LARGEST_TYPICAL, row, np.nan) for row in rows]


def holds_trees(estimator: Any) -> bool:
    """Return whether a fitted estimator contains trees."""
    if hasattr(estimator, "tree_") or hasattr(estimator, "_predictors"):
        return True
    return any(holds_trees(each) for each in inner(estimator))


def inner(estimator: Any) -> list[Any]:
    """Return the estimators inside a fitted one."""
    found: list[Any] = []
    for value in vars(estimator).values():
        found += _flat(value)
    return [each for each in found if isinstance(each, BaseEstimator)]


def _flat(value: Any) -> list[Any]:
    """Return the value, or the elements of a list of estimators or (name, estimator) tuples."""
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist() if value.dtype == np.object_ else []
    if not isinstance(value, list | tuple):
        return [value]
    return [each for part in value for each in (part if isinstance(part, tuple) else (part,))]


def _note(graph: GraphBuilder, frame: Frame, estimator: Any) -> None:
    for each in inner(estimator):
        _note(graph, frame, each)
    for row in _boundary(estimator, frame.width):
        graph.notes.typical(frame.origins, row)
    if hasattr(estimator, "n_categories_"):  # CategoricalNB: integers from 0
        highest = np.asarray(estimator.n_categories_) - 1
        graph.notes.typical(frame.origins, np.stack([0 * highest, highest]))
    for name in _TYPICAL:
        value = vars(estimator).get(name)
        rows = np.asarray(value) if isinstance(value, np.ndarray) else None
        if rows is None or rows.dtype.kind not in "fiu" or not rows.size:
            continue
        rows = np.atleast_2d(rows)
        if rows.shape[1:] == (frame.width,):
            graph.notes.typical(frame.origins, rows[:_MOST_TYPICAL])
