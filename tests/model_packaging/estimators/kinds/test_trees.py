from pathlib import Path

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from tests.model_packaging.estimators.packaging import converted, served


def test_a_value_exactly_between_two_float32_numbers_falls_on_the_side_of_the_original(
    tmp_path: Path,
) -> None:
    near = np.float32(1e6 / 3)
    rows = np.array([[near], [np.nextafter(near, np.float32(np.inf))]], np.float32)
    tree = DecisionTreeClassifier().fit(rows, [0, 1])
    conversion = converted(tmp_path, tree)
    assert served(conversion).run({"X": rows})["label"].tolist() == [0, 1]
