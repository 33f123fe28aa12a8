import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.cli.conftest import Lading, package_in
from tests.support.frameworks import needs
from tests.training.distillation.conftest import linear, rows, weights

pytestmark = needs("scikit-learn", "sklearn", "skops")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a published teacher; not to be written to."""
    folder = tmp_path_factory.mktemp("taught")
    (folder / "large.onnx").write_bytes(linear())
    held = rows(300, 7)
    np.savez(folder / "held.npz", x=held, y=(held @ weights()).argmax(axis=1))
    np.savez(folder / "rows.npz", x=rows(300))
    student = {"student": "sklearn.linear_model.LogisticRegression", "parameters": {"C": 1e4}}
    gate = {"data": "held.npz", "metric": "accuracy", "max_drop": 0.2}
    small = {"distill": {"teacher": "large", "data": "rows.npz", **student}, "accuracy": gate}
    models = {"large": {"source": "large.onnx", "accuracy": gate}, "small": small}
    (folder / "models.yaml").write_text(yaml.safe_dump({"models": models}))
    return package_in(folder, "large")


@pytest.fixture
def project(workspace: Path, taught: Path) -> Path:
    """The workspace, with a published teacher and a student that has not learned yet."""
    shutil.copytree(taught, workspace, dirs_exist_ok=True)
    return workspace


def set_(workspace: Path, old: str, new: str) -> None:
    path = workspace / "models.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_a_student_is_published_beside_its_teachers_figures(project: Path, lading: Lading) -> None:
    result = lading("distill", "small")
    assert result.code == 0, result.err
    assert result.out.startswith("small version 1 published: ")
    assert "teacher: large version 1" in result.out
    assert any(line.split()[0] == "teacher" for line in result.err.splitlines())
    artifact = json.loads((project / "artifacts/models/small/1/artifact.json").read_text())
    made = artifact["training"]
    assert made["teacher"]["model"] == "large version 1"
    assert made["student"] == "sklearn.linear_model.LogisticRegression"
    assert made["rows"] == 300
    assert made["energy"]["joules"][1] == 2 * made["energy"]["joules"][0] > 0
    report = lading("report", "small", "--version", "1")
    assert report.code == 0, report.err
    page = (project / "small-1.html").read_text()
    assert f"large version 1, {made['teacher']['digest']}" in page


def test_the_same_again_finds_the_version(project: Path, lading: Lading) -> None:
    dry = lading("distill", "small", "--dry-run")
    assert (
        dry.out
        == "small would be trained on the answers of large version 1, and get a new version\n"
    )
    assert not (project / ".lading/training").exists()
    first = lading("distill", "small", "--json").document
    again = lading("distill", "small", "--json").document
    assert (first["built"], again["built"]) == (True, False)
    assert first["distilled"] == again["distilled"]
    teacher, student = first["distilled"]
    assert teacher["name"] == "teacher: large version 1"
    assert teacher["accuracy"] == 1.0
    assert student["accuracy"] > 0.9
    assert student["bytes"] > 0
    assert lading("distill", "small", "--dry-run").out == "small would keep version 1\n"
    assert lading("package", "small").out.startswith("small version 1 unchanged: ")


def test_a_student_that_lost_too_much_is_not_published(project: Path, lading: Lading) -> None:
    set_(project, "max_drop: 0.2", "max_drop: 0.01")
    set_(project, "C: 10000.0", "C: 1.0e-09")
    result = lading("distill", "small")
    assert result.code == 3
    assert not (project / "artifacts/models/small").exists()


def test_package_says_that_a_student_must_learn_first(project: Path, lading: Lading) -> None:
    result = lading("package", "small")
    assert result.code == 5
    assert "models.small.distill: is not trained" in result.err
    assert "run `lading distill small`" in result.err


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("teacher: large", "teacher: larg", "did you mean 'large'"),
        ("teacher: large", "teacher: small", "must be another model"),
        ("student: sklearn", "student: pickle", "must be an estimator of sklearn"),
        ("data: rows.npz", "data: none.npz", "none.npz"),
    ],
)
def test_a_wrong_key_is_one_line(
    project: Path, lading: Lading, old: str, new: str, reason: str
) -> None:
    set_(project, old, new)
    result = lading("distill", "small")
    assert result.code in {2, 4, 5}
    assert reason in result.err
    assert "models.small.distill" in result.err


def test_a_model_without_distill_is_refused(project: Path, lading: Lading) -> None:
    result = lading("distill", "large")
    assert result.code == 2
    assert "models.large.distill: is missing" in result.err
