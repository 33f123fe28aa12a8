"""Permutation importances and partial dependence, against scikit-learn's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.explaining.columns import columns_of
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.models.predictor import ModelMetadata
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.explanations.dependence import dependences
from lading.model_packaging.explanations.importance import Shuffled
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import Gate
from tests.model_packaging.models import samples

COLUMNS = columns_of(
    ModelMetadata("m", 1, "test", (TensorSpec("x", "FP64", (-1, 4)),), ()),
    Recorded("shapley", "y", 1, background={"x": np.zeros((1, 4))}),
)


@pytest.fixture(name="fitted", scope="module")
def fixture_fitted() -> tuple[Any, Samples]:
    """A classifier that needs its first feature most and its last one not at all, and rows."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 4))
    y = (2 * x[:, 0] + x[:, 1] + 0.3 * x[:, 2] + generator.normal(size=300) > 0).astype(np.int64)
    fitted = LogisticRegression().fit(x, y)
    fitted.coef_[0, 3] = 0.0
    return fitted, samples(y, x=x)


def served(fitted: Any) -> Any:
    def model(inputs: Request) -> Request:
        return {"label": fitted.predict(inputs["x"]), "y": fitted.predict_proba(inputs["x"])}

    return model


def test_importances_are_those_of_scikit_learn(fitted: tuple[Any, Samples]) -> None:
    estimator, rows = fitted
    spec = ModelSpec("m", Path("m.onnx"), accuracy=AccuracySpec(Path("h.npz"), "accuracy", 0.01))
    shuffled = Shuffled(Gate(spec, rows, served(estimator)), served(estimator), rows, COLUMNS)
    assert shuffled.affordable()
    found = {each["feature"]: each for each in shuffled.importances()}
    theirs = permutation_importance(
        estimator, rows.inputs["x"], rows.truth, n_repeats=30, random_state=1
    )
    for feature, mean in enumerate(theirs.importances_mean):
        ours = found[f"x[{feature}]"]
        assert ours["low"] - 1e-9 <= mean <= ours["high"] + 1e-9
        assert ours["drop"] == pytest.approx(mean, abs=0.04)
    assert [*found][:2] == ["x[0]", "x[1]"]
    last = found["x[3]"]
    assert (last["drop"], last["low"], last["high"]) == (0, 0, 0)


def test_partial_dependence_is_that_of_scikit_learn(fitted: tuple[Any, Samples]) -> None:
    estimator, rows = fitted
    background = Samples("m", "rows", {"x": rows.inputs["x"][:50]}, 50, 0)
    (first, second) = dependences(served(estimator), "y", background, COLUMNS, ["x[1]", "x[3]"])
    assert (first["feature"], first["output"], first["target"]) == ("x[1]", "y", 1)
    values = np.array(first["points"])[:, 0]
    theirs = partial_dependence(
        estimator,
        background.inputs["x"],
        [1],
        custom_values={1: values},
        kind="average",
        method="brute",
    )
    np.testing.assert_allclose(np.array(first["points"])[:, 1], theirs["average"][0], atol=1e-12)
    flat = np.array(second["points"])
    assert np.ptp(flat[:, 1]) == pytest.approx(0, abs=1e-12)
    assert (flat[:, 2] < flat[:, 3]).all()


def test_texts_have_a_point_for_each_common_category() -> None:
    metadata = ModelMetadata("m", 1, "test", (TensorSpec("c", "BYTES", (-1,)),), ())
    texts = np.array([b"a", b"b", b"a", b"c"], np.object_)
    columns = columns_of(metadata, Recorded("shapley", "y", 1, background={"c": texts}))

    def model(inputs: Request) -> Request:
        return {"y": np.array([float(text == b"a") for text in inputs["c"]])}

    rows = Samples("m", "rows", {"c": texts}, 4, 0)
    (found,) = dependences(model, "y", rows, columns, ["c"])
    assert [point[:2] for point in found["points"]] == [["a", 1.0], ["b", 0.0], ["c", 0.0]]
