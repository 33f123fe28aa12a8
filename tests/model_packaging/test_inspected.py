import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
from skops import io as skops_io

from lading.model_packaging.confinement import unavailable
from lading.model_packaging.errors import FrameworkUnknown, SourceUnreadable, SourceUntrusted
from lading.model_packaging.inspected import (
    Inspected,
    InspectionFailed,
    checked,
    inspected,
    is_pickle,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.packaging_limits import Limits
from tests.support.worlds import times

ROWS = np.random.default_rng(1).normal(size=(30, 3))
ANYWHERE = Limits(unconfined=bool(unavailable()))


def spec(source: Path, trust: bool | tuple[str, ...] = True) -> ModelSpec:
    return ModelSpec("m", source, trust=trust)


def test_a_regressor_of_numbers(tmp_path: Path) -> None:
    joblib.dump(LinearRegression().fit(ROWS, ROWS[:, 0]), tmp_path / "m.joblib")
    found = inspected(spec(tmp_path / "m.joblib"), None, ANYWHERE)
    assert found == Inspected("scikit-learn", {}, 3, "numbers")


def test_the_names_of_a_frame_with_the_datatypes_of_the_rows(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    joblib.dump(StandardScaler().fit(frame), tmp_path / "m.joblib")
    (tmp_path / "rows.csv").write_text("a,b,c,y\n1,True,x,0\n2,False,y,1\n")
    found = inspected(spec(tmp_path / "m.joblib"), tmp_path / "rows.csv", ANYWHERE)
    assert found.columns == {"a": "FP32", "b": "BOOL", "c": "BYTES"}
    assert found.answers == "vectors"


def test_types_of_a_skops_file_are_named_before_they_are_trusted(tmp_path: Path) -> None:
    labels = ROWS[:, 0] > 0
    forest = RandomForestClassifier(2, random_state=0).fit(ROWS, labels)
    skops_io.dump(forest, tmp_path / "m.skops")
    with pytest.raises(SourceUntrusted) as refused:
        inspected(spec(tmp_path / "m.skops", trust=False), None, ANYWHERE)
    assert refused.value.contents == ("sklearn.tree._tree.Tree",)
    found = inspected(spec(tmp_path / "m.skops", trust=refused.value.contents), None, ANYWHERE)
    assert found.answers == "labels"


def test_of_other_frameworks_it_says_the_name(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(times(2))
    assert inspected(spec(tmp_path / "m.onnx"), None) == Inspected("onnx")


def test_a_file_of_no_framework_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.docx").touch()
    with pytest.raises(FrameworkUnknown):
        inspected(spec(tmp_path / "m.docx"), None)


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.joblib").write_bytes(b"nothing that joblib wrote")
    with pytest.raises(InspectionFailed, match="is damaged"):
        inspected(spec(tmp_path / "m.joblib"), None, ANYWHERE)


class Writes:
    """Unpickling it writes a file, or ends the process."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return exec, (self.code,)


@pytest.mark.skipif(bool(unavailable()), reason="this system cannot confine a process")
def test_code_in_a_pickle_can_write_nothing(tmp_path: Path) -> None:
    target = tmp_path / "written"
    code = f"open({str(target)!r}, 'w').write('x')"
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Writes(code)))
    with pytest.raises(InspectionFailed, match="PermissionError"):
        inspected(spec(tmp_path / "m.pkl"), None)
    assert not target.exists()


def test_a_process_that_ends_early_is_reported(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Writes("import os; os._exit(0)")))
    with pytest.raises(SourceUnreadable, match="ended without an answer"):
        inspected(spec(tmp_path / "m.pkl"), None, ANYWHERE)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"columns": {"a": "NOTHING"}, "features": 1, "answers": "labels"},
        {"columns": {}, "features": 10**9, "answers": "labels"},
        {"columns": {}, "features": "1", "answers": "labels"},
        {"columns": {}, "features": 1, "answers": "anything"},
        {"columns": [], "features": 1, "answers": "labels"},
    ],
    ids=json.dumps,
)
def test_what_a_hostile_file_writes_is_checked(tmp_path: Path, answer: Any) -> None:
    with pytest.raises(SourceUnreadable, match="no valid answer"):
        checked(spec(tmp_path / "m.pkl"), answer)


@pytest.mark.parametrize(
    ("name", "pickled"),
    [
        ("m.joblib", True),
        ("m.PKL", True),
        ("m.pickle", True),
        ("m.onnx", False),
        ("m.skops", False),
    ],
)
def test_a_pickle_is_known_by_its_name(tmp_path: Path, name: str, pickled: bool) -> None:
    (tmp_path / name).touch()
    assert is_pickle(tmp_path / name) is pickled


def test_skops_under_the_name_of_a_pickle_is_none(tmp_path: Path) -> None:
    skops_io.dump(StandardScaler().fit(ROWS), tmp_path / "m.pkl")
    assert not is_pickle(tmp_path / "m.pkl")
