"""The public calls of an estimator, each as a function that adds its nodes to a graph.

The functions dispatch on the estimator's class. Modules register what they convert themselves;
everything else goes to skl2onnx by `leaves`.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from lading.model_packaging.estimators.frame import Frame
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.kinds import leaves


@dataclass(frozen=True, slots=True)
class Classes:
    """What a classifier says of each row.

    Args:
        index: int64 of shape [rows]: the place of the predicted class in `classes_`.
        probabilities: of shape [rows, classes]; None without `predict_proba`.
        decision: `decision_function`, of shape [rows, 1 or classes], where that is at hand.
    """

    index: str
    probabilities: str | None = None
    decision: str | None = None


@singledispatch
def transform(estimator: Any, graph: GraphBuilder, frame: Frame) -> Frame:
    """`estimator.transform`."""
    return leaves.transform(estimator, graph, frame)


@singledispatch
def classify(estimator: Any, graph: GraphBuilder, frame: Frame) -> Classes:
    """`estimator.predict` and `predict_proba` of a classifier of one label."""
    index, probabilities = leaves.classify(estimator, graph, frame)
    return Classes(index, probabilities)


@singledispatch
def decide(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """`estimator.decision_function`, of shape [rows, 1] for two classes, else [rows, classes]."""
    decision = classify(estimator, graph, frame).decision if _is_ours(estimator) else None
    return decision or leaves.decide(estimator, graph, frame)


@singledispatch
def regress(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """`estimator.predict` of a regressor, of shape [rows, targets]."""
    return leaves.regress(estimator, graph, frame)


@singledispatch
def detect(estimator: Any, graph: GraphBuilder, frame: Frame) -> str:
    """`estimator.predict` of a clusterer or an outlier detector: int64 of [rows]."""
    return leaves.detect(estimator, graph, frame)


@singledispatch
def classify_each(estimator: Any, _graph: GraphBuilder, _frame: Frame) -> list[Classes]:
    """`estimator.predict` and `predict_proba` of a classifier of several labels, one by one."""
    reason = f"is a {type(estimator).__name__} of several labels, which is not supported"
    raise NoOnnxForm(reason)


def _is_ours(estimator: Any) -> bool:
    return classify.dispatch(type(estimator)) is not classify.dispatch(object)
