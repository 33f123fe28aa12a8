"""The manifest's key `distill`: a small model that learns from the answers of a larger one."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, StrictInt
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File, Text
from lading.model_packaging.manifest.training import ParameterName, Value

ORIGINAL = "original"
"""Instead of a version of the teacher: its trained file."""

_LIBRARIES = ("sklearn", "xgboost", "lightgbm")


def _estimator(text: str) -> str:
    known = text.partition(".")[0] in _LIBRARIES
    if not known or not re.fullmatch(r"[a-z]\w*(\.\w+)*\.[A-Z]\w*", text):
        raise ValueError(
            f"must be an estimator of {', '.join(_LIBRARIES)}, such as "
            f"sklearn.tree.DecisionTreeClassifier, not '{text}'"
        )
    return text


Estimator = Annotated[str, AfterValidator(_estimator)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class DistillSpec:
    """The distillation of a model: a student learns from the answers of a teacher."""

    teacher: Text
    """The model of this manifest that teaches."""
    data: File
    """Rows for the teacher to answer, without labels: a file as for accuracy.data."""
    version: StrictInt | Text = "stable"
    """The teacher's version in the lock: a number or a label; original: its trained file."""
    endpoint: Text | None = None
    """The SageMaker endpoint that answers for the teacher, if an engine serves it."""
    output: Text | None = None
    """The teacher's output with a score for each class; by default the first such output."""
    student: Estimator | None = None
    """An estimator of scikit-learn, XGBoost or LightGBM; without it, the PyTorch class in class."""
    parameters: Annotated[Mapping[ParameterName, Value], Field(max_length=100)] = Field(default={})
    """Arguments that create the student."""
    temperature: Annotated[float, Strict(), Field(gt=0, le=100)] = 2.0
    """Above 1, the teacher's scores of the less likely classes count more."""
    alpha: Annotated[float, Strict(), Field(ge=0, le=1)] = 0.9
    """The share of the teacher's scores in the loss; the rest is of its most likely class."""
    epochs: Annotated[int, Strict(), Field(ge=1, le=100_000)] = 50
    """For PyTorch: how often the student sees all rows."""
    batch: Annotated[int, Strict(), Field(ge=1)] = 64
    """For PyTorch: rows in a step."""
    learning_rate: Annotated[float, Strict(), Field(gt=0, le=10)] = 1e-3
    """For PyTorch: the step size of AdamW at the start; it falls to zero along a cosine."""
    seed: Annotated[int, Strict(), Field(ge=0, lt=2**32)] = 0
    """The seed of everything random."""
