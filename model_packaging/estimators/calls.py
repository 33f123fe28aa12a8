"""The public methods of estimators, each as a function that adds nodes to a graph.

The functions dispatch on the estimator's class. Modules register the classes that they convert; all
others go to skl2onnx through `leaves`.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from lading.model_packaging.estimators.frame import Frame
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds import leaves


@dataclass(frozen=True, slots=True)
class Classes:
    """The answers of a classifier.

    Args:
        index: int64 of shape [rows]: the index of the predicted class in `classes_`.
        probabilities: of shape [rows, classes]; None without `predict_proba`.
        decision: `decision_function`, of shape [rows, 1 or classes], if it is known already.
    """

    index: str
    probabilities: str | None = None
    decision: str | None = None


@singledispatch
def transform(estimator: Any, graph: GraphBuilder, frame: Frame) -> Frame:
    """Add `estimator.transform`."""
    return leaves.transform(estimator, graph, frame)


@singledispatch
def classify(estimator: Any, graph: GraphBuilder, frame: Frame) -> Classes:
    """Add `estimator.predict` and `predict_proba` of a classifier with one label for each row."""
    index, probabilities = leaves.classify(estimator, graph, frame)
    return Classes(index, probabilities)


@singledispatch
def decide(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add `estimator.decision_function`: [rows, 1] for two classes, else [rows, classes]."""
    decision = classify(estimator, graph, frame).decision if _is_ours(estimator) else None
    return decision or leaves.decide(estimator, graph, frame)


@singledispatch
def regress(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add `estimator.predict` of a regressor: [rows, targets]."""
    return leaves.regress(estimator, graph, frame)


@singledispatch
def detect(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """Add `estimator.predict` of a clusterer or outlier detector: int64 of [rows]."""
    return leaves.detect(estimator, graph, frame)


@singledispatch
def classify_each(estimator: Any, _graph: GraphBuilder, _frame: Frame) -> list[Classes]:
    """Add `estimator.predict` and `predict_proba` of a multilabel classifier."""
    kind = type(estimator).__name__
    raise NoOnnxForm(f"is a multilabel {kind}, which is not supported; train one model per label")


def _is_ours(estimator: Any) -> bool:
    return classify.dispatch(type(estimator)) is not classify.dispatch(object)
