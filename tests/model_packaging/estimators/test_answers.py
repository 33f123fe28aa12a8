from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from lading.model_packaging.estimators.answers import answer_of
from lading.model_packaging.estimators.graph import NoOnnxForm
from tests.model_packaging.estimators.packaging import CLASS, NAMES, NUMBER, ROWS, converted, served


@pytest.mark.parametrize(
    ("estimator", "outputs"),
    [
        (LogisticRegression(), ["label", "probabilities"]),
        (LinearRegression(), ["prediction"]),
        (KMeans(3, n_init=1, random_state=0), ["label"]),
        (StandardScaler(), ["transformed"]),
    ],
    ids=str,
)
def test_each_kind_of_estimator_has_its_outputs(estimator: Any, outputs: list[str]) -> None:
    fitted = estimator.fit(ROWS, CLASS)
    assert sorted(answer_of(fitted).ask(ROWS)) == outputs


def test_labels_keep_the_names_of_training(tmp_path: Path) -> None:
    model = served(converted(tmp_path, LogisticRegression().fit(ROWS, NAMES)))
    assert set(model.run({"X": ROWS})["label"].tolist()) <= {b"low", b"middle", b"high"}


def test_classes_that_are_no_whole_numbers_keep_their_fraction(tmp_path: Path) -> None:
    halves = LogisticRegression().fit(ROWS, np.array(["0.5", "1.5"])[(NUMBER > 0).astype(int)])
    halves.classes_ = halves.classes_.astype(np.float64)
    assert answer_of(halves).ask(ROWS)["label"].dtype == np.float64


def test_what_neither_predicts_nor_transforms_rows_is_refused() -> None:
    with pytest.raises(NoOnnxForm, match="a DBSCAN, which can neither predict nor transform"):
        answer_of(DBSCAN().fit(ROWS))
