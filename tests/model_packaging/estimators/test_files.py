import pickle
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from skops import io

from lading.model_packaging.errors import SourceUnreadable, SourceUntrusted
from lading.model_packaging.estimators.files import load
from lading.model_packaging.manifest.models import ModelSpec

ROWS, CLASSES = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
HERE = sklearn.__version__.encode()
OTHER = HERE.replace(b"1.9", b"1.3")


def refusal(path: Path) -> str:
    with pytest.raises(SourceUnreadable) as caught:
        load(ModelSpec("model", path, trust=True))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def made_by_another(estimator: Any) -> bytes:
    """The pickle, as if an older version had made it."""
    return pickle.dumps(estimator.fit(ROWS, CLASSES)).replace(HERE, OTHER)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
def test_a_pickle_of_another_version_is_refused_with_that_version(
    tmp_path: Path, suffix: str, packed: bool
) -> None:
    path = tmp_path / f"model{suffix}"
    content = made_by_another(LogisticRegression())
    path.write_bytes(zlib.compress(content) if packed else content)
    text = refusal(path)
    assert f"was made by scikit-learn {OTHER.decode()}, and scikit-learn {HERE.decode()} is" in text
    assert f"install scikit-learn=={OTHER.decode()} to package it" in text


def test_a_pickle_that_this_version_cannot_even_load_names_its_version(tmp_path: Path) -> None:
    content = made_by_another(DecisionTreeClassifier())
    (tmp_path / "model.pkl").write_bytes(
        content.replace(b"missing_go_to_left", b"missing_goes_right")
    )
    text = refusal(tmp_path / "model.pkl")
    assert f"was made by scikit-learn {OTHER.decode()}" in text
    assert "damaged" not in text


def test_a_skops_file_of_another_version_names_its_version(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(ROWS, CLASSES)
    estimator_state = io.dumps(estimator)
    path = tmp_path / "model.skops"
    path.write_bytes(_replaced(estimator_state))
    assert f"was made by scikit-learn {OTHER.decode()}" in refusal(path)


def _replaced(content: bytes) -> bytes:
    import zipfile
    from io import BytesIO

    with zipfile.ZipFile(BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    changed = BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry.replace(HERE, OTHER) if name == "schema.json" else entry)
    return changed.getvalue()


def test_a_patch_of_the_same_minor_version_is_loaded(tmp_path: Path) -> None:
    content = pickle.dumps(LogisticRegression().fit(ROWS, CLASSES))
    minor = HERE.rpartition(b".")[0]
    (tmp_path / "model.pkl").write_bytes(content.replace(HERE, minor + b".0"))
    assert load(ModelSpec("model", tmp_path / "model.pkl", trust=True)).classes_.tolist() == [0, 1]


def test_a_class_that_is_not_here_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"csklearn.tree\nRenamedTree\n.")
    text = refusal(tmp_path / "model.pkl")
    assert "RenamedTree" in text
    assert f"cannot be read by scikit-learn {HERE.decode()}" in text


def test_a_module_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"cabsent_module.models\nModel\n.")
    assert "needs the module 'absent_module', which is not installed here" in refusal(
        tmp_path / "model.pkl"
    )


def test_a_list_trusts_the_types_that_it_names_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    io.dump(DecisionTreeClassifier().fit(ROWS, CLASSES), path)
    tree = "sklearn.tree._tree.Tree"
    for trust in (False, ("sklearn.tree._tree.Other",)):
        with pytest.raises(SourceUntrusted, match=rf"these types: \[{re.escape(tree)}\]"):
            load(ModelSpec("model", path, trust=trust))
    for named in (True, (tree,), (tree, "sklearn.tree._tree.Other")):
        assert load(ModelSpec("model", path, trust=named)).predict(ROWS).tolist() == [*CLASSES]


def test_a_list_of_types_trusts_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(LogisticRegression().fit(ROWS, CLASSES)))
    with pytest.raises(SourceUntrusted, match=r"it is a pickle.*trust: true$"):
        load(ModelSpec("model", path, trust=("sklearn.linear_model.LogisticRegression",)))


@pytest.mark.parametrize("protocol", [0, 4])
def test_code_of_a_script_needs_a_module(tmp_path: Path, protocol: int) -> None:
    named = {0: b"c__main__\nlogit\n.", 4: b"\x80\x04\x8c\x08__main__\x8c\x05logit\x93."}
    (tmp_path / "model.pkl").write_bytes(named[protocol])
    text = refusal(tmp_path / "model.pkl")
    assert "needs 'logit', which the script that saved the model defines; move it into" in text
