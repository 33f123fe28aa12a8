"""The runtime of .skops files: what it refuses to load."""

import io
import json
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer
from skops.io import dumps

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.native.runtimes import load
from tests.functions.inference.native.test_runtimes import VERSIONS

INPUTS, OUTPUTS = (TensorSpec("X", "FP64", (-1, 2)),), (TensorSpec("prediction", "FP64", (-1, 1)),)
ROWS = np.array([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])


def section(**options: Any) -> NativeSection:
    stated: dict[str, Any] = {
        "trusted": [],
        "versions": VERSIONS,
        "calls": {"prediction": ["predict", None]},
        "columns": [["X", 0], ["X", 1]],
        "missing": ["text", "text"],
        "names": None,
    }
    return NativeSection("skops", "model.skops", stated | options, INPUTS, OUTPUTS)


@pytest.fixture(scope="module")
def model() -> bytes:
    return bytes(dumps(LinearRegression().fit(ROWS, ROWS[:, 0])))


def test_it_answers_as_the_estimator(model: bytes) -> None:
    wanted = LinearRegression().fit(ROWS, ROWS[:, 0]).predict(ROWS)
    answers = load(section(), model).run({"X": ROWS})
    assert np.array_equal(answers["prediction"], wanted[:, np.newaxis])


@pytest.mark.parametrize("name", ["scikit-learn", "skops"])
def test_another_version_is_named_with_what_to_do(name: str, model: bytes) -> None:
    other = section(versions={**VERSIONS, name: "0.1"})
    with pytest.raises(SessionError, match=rf"packaged with {name} 0\.1, .* install {name}==0\.1"):
        load(other, model)


def test_a_type_that_the_artifact_does_not_list_is_named() -> None:
    content = dumps(FunctionTransformer(np.nan_to_num).fit(ROWS))
    with pytest.raises(SessionError, match=r"does not trust: numpy.*nan_to_num"):
        load(section(), content)


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "numpy.load", "sklearn.nothing.Here", "joblib.Memory"]
)
def test_what_is_no_class_of_scikit_learn_is_refused_though_listed(name: str, model: bytes) -> None:
    with pytest.raises(SessionError, match=f"'{name}' is not a class"):
        load(section(trusted=[name]), model)


def test_a_call_that_is_none_of_the_public_ones_is_refused(model: bytes) -> None:
    calls = {"prediction": ["__init__", None]}
    with pytest.raises(SessionError, match="calls must be among predict, predict_proba, transf"):
        load(section(calls=calls), model)


class Unpickled:
    """Says when something unpickles it."""

    happened = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _note, ()


def _note() -> None:
    Unpickled.happened = True


def test_a_pickle_in_an_array_of_the_file_is_not_loaded(model: bytes) -> None:
    assert _with_array(model, np.array([1.0, 0.0])) != model
    load(section(), _with_array(model, np.array([1.0, 0.0])))  # the way to change it works
    with pytest.raises(SessionError, match="allow_pickle=False"):
        load(section(), _with_array(model, np.array([Unpickled(), 1], np.object_)))
    assert not Unpickled.happened
    pickle.loads(pickle.dumps(Unpickled()))  # noqa: S301 the test's own
    assert Unpickled.happened


def _with_array(model: bytes, array: Any) -> bytes:
    """Return the file with this array in place of its first one."""
    content, changed = io.BytesIO(), io.BytesIO()
    np.save(content, array, allow_pickle=True)
    with zipfile.ZipFile(io.BytesIO(model)) as before, zipfile.ZipFile(changed, "w") as after:
        first = next(name for name in before.namelist() if name.endswith(".npy"))
        for name in before.namelist():
            after.writestr(name, content.getvalue() if name == first else before.read(name))
    return changed.getvalue()


def test_a_loader_that_skops_does_not_know_is_refused(model: bytes) -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "schema.json":
                content = json.dumps({**json.loads(content), "__loader__": "PickleNode"}).encode()
            after.writestr(name, content)
    with pytest.raises(SessionError, match="PickleNode"):
        load(section(), changed.getvalue())
