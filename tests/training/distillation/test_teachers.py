from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lading.functions.contract.errors import PredictionFailed
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.training.distillation.teachers import ask, find_teacher
from lading.training.errors import TrainingError
from tests.training.distillation.conftest import Project, publish_teacher, rows, weights

LOCK = "models.lock.json"
STUDENT = {"student": "sklearn.linear_model.LogisticRegression"}


class Elsewhere(Predictor):
    """A model in another place, behind the interface of any other model.

    Args:
        answer: its outputs for any request of this many rows.
    """

    def __init__(self, **answer: Array) -> None:
        inputs = (TensorSpec("x", "FP32", (-1, 4)),)
        kinds = {"f": "FP64", "i": "INT64", "O": "BYTES"}
        outputs = tuple(
            TensorSpec(name, kinds[each.dtype.kind], (-1, *each.shape[1:]))
            for name, each in answer.items()
        )
        self.metadata = ModelMetadata("far", 3, "elsewhere", inputs, outputs)
        self._answer = answer

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        if np.isnan(inputs["x"]).any():
            raise PredictionFailed("far", 3, "its endpoint is away")
        return {name: self._answer[name][: len(inputs["x"])] for name in outputs or self._answer}


def samples(array: Array) -> Samples:
    return Samples("large", "rows.npz", {"x": array}, len(array), 0)


def test_a_version_of_the_lock_teaches(project: Project, tmp_path: Path) -> None:
    spec = project(**STUDENT)
    publish_teacher(tmp_path)
    teacher = find_teacher(spec, tmp_path / LOCK)
    assert teacher.name == "large version 1"
    data = rows(150)
    targets = ask(spec, teacher.open(), samples(data))
    assert targets.best.tolist() == (data @ weights()).argmax(axis=1).tolist()


def test_the_trained_file_teaches_before_it_is_packaged(project: Project, tmp_path: Path) -> None:
    spec = project(version="original", **STUDENT)
    teacher = find_teacher(spec, tmp_path / LOCK)
    assert teacher.bytes == (tmp_path / "large.onnx").stat().st_size
    data = rows(20)
    targets = ask(spec, teacher.open(), samples(data))
    assert targets.best.tolist() == (data @ weights()).argmax(axis=1).tolist()


def test_any_predictor_teaches(project: Project) -> None:
    labels = np.array([b"no", b"yes"], object)
    far = Elsewhere(label=labels, scores=np.array([[0.9, 0.1], [0.2, 0.8]]))
    targets = ask(project(**STUDENT), far, samples(rows(2)))
    assert targets.classes.tolist() == ["no", "yes"]
    assert targets.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8]]


def test_a_missing_version_says_what_to_run(project: Project, tmp_path: Path) -> None:
    spec = project(version=7, **STUDENT)
    publish_teacher(tmp_path)
    with pytest.raises(TrainingError, match=r"no version '7' of model 'large'; run `lading pack"):
        find_teacher(spec, tmp_path / LOCK)


@pytest.mark.parametrize(
    ("far", "data", "keys", "key"),
    [
        (Elsewhere(y=np.zeros(9)), rows(9), {}, "teacher"),
        (Elsewhere(y=np.eye(9)), rows(9), {"output": "z"}, "output"),
        (Elsewhere(y=np.eye(9)[:1].repeat(9, 0)), rows(9), {}, "data"),
        (Elsewhere(y=np.eye(9)), rows(9) * np.nan, {}, "data"),
    ],
    ids=["no scores", "no such output", "one class", "no answer"],
)
def test_a_teacher_that_cannot_teach_is_one_line(
    project: Project, far: Predictor, data: Array, keys: dict[str, str], key: str
) -> None:
    spec = project(**STUDENT, **keys)
    with pytest.raises(TrainingError) as caught:
        ask(spec, far, samples(data))
    assert f"models.small.distill.{key}: " in str(caught.value)
    assert "\n" not in str(caught.value)
