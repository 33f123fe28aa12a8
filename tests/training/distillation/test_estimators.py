import numpy as np
import pytest

from lading.training.distillation.estimators import teach_estimator
from lading.training.distillation.targets import make_targets
from lading.training.errors import TrainingError
from tests.support.frameworks import needs
from tests.training.distillation.conftest import Project, rows, weights

pytestmark = needs("scikit-learn", "sklearn", "skops")

LOGISTIC = "sklearn.linear_model.LogisticRegression"


def test_a_student_learns_the_probabilities_and_not_only_the_labels(project: Project) -> None:
    """With weak regularization, a logistic regression finds the very scores of a linear teacher."""
    data = rows(300)
    targets = make_targets(data @ weights() / 4, None)
    spec = project(student=LOGISTIC, parameters={"C": 1e6}, temperature=1.0, alpha=1.0)
    student = teach_estimator(spec, {"x": data}, targets)
    np.testing.assert_allclose(student.predict_proba(data), targets.probabilities, atol=0.02)
    sure = project(student=LOGISTIC, parameters={"C": 1e6}, temperature=1.0, alpha=0.0)
    other = teach_estimator(sure, {"x": data}, targets)
    assert np.abs(other.predict_proba(data) - targets.probabilities).max() > 0.3


def test_labels_of_the_teacher_are_the_students(project: Project) -> None:
    data = rows(200)
    scores = data @ weights()
    names = np.array(["cat", "dog", "owl"])
    targets = make_targets(scores, names[scores.argmax(axis=1)])
    student = teach_estimator(project(student=LOGISTIC), {"x": data}, targets)
    assert set(student.predict(data)) == set(names)
    assert (student.predict(data) == names[scores.argmax(axis=1)]).mean() > 0.95


@pytest.mark.parametrize(
    ("student", "parameters", "key", "reason"),
    [
        ("sklearn.neighbors.KNeighborsClassifier", {}, "student", "has no sample_weight"),
        ("sklearn.tree.NoSuchTree", {}, "student", "there is no sklearn.tree.NoSuchTree"),
        ("sklearn.no_such_room.Tree", {}, "student", "sklearn.no_such_room"),
        (LOGISTIC, {"colour": 3}, "parameters", "do not create a LogisticRegression"),
        (LOGISTIC, {"C": -1}, "student", "cannot learn these rows"),
    ],
)
def test_an_unfit_estimator_is_one_line(
    project: Project, student: str, parameters: dict[str, float], key: str, reason: str
) -> None:
    data = rows(50)
    spec = project(student=student, parameters=parameters)
    with pytest.raises(TrainingError, match=reason) as caught:
        teach_estimator(spec, {"x": data}, make_targets(data @ weights(), None))
    assert f"models.small.distill.{key}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_inputs_that_are_no_matrix_are_refused(project: Project) -> None:
    data = rows(50)
    targets = make_targets(data @ weights(), None)
    with pytest.raises(TrainingError, match="needs one input of numbers"):
        teach_estimator(project(student=LOGISTIC), {"a": data, "b": data}, targets)


def test_a_boosting_library_gets_no_labels_that_its_file_cannot_hold(project: Project) -> None:
    data = rows(50)
    scores = data @ weights()
    targets = make_targets(scores, np.array([5, 7, 9])[scores.argmax(axis=1)])
    with pytest.raises(TrainingError, match=r"saves only the classes 0, 1, 2 \.\.\.; .* 5, 7, 9"):
        teach_estimator(project(student="lightgbm.LGBMClassifier"), {"x": data}, targets)
