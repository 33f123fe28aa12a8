"""The same code, data and parameters are the same recipe; a change of one is another."""

import subprocess
from pathlib import Path

import pytest

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import load_manifest
from lading.training.errors import TrainingError
from lading.training.recipe import code_files, commit_of
from tests.training.conftest import SCRIPT, Project, recipe


def test_the_same_is_the_same_key(project: Project) -> None:
    assert recipe(project()).key == recipe(project()).key


def test_other_code_is_another_key(project: Project) -> None:
    assert recipe(project()).key != recipe(project(SCRIPT + "# changed\n")).key


def test_a_changed_module_that_is_imported_is_another_key(project: Project, tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("A = 1\n")
    before = recipe(project("import shared\n"))
    (tmp_path / "shared.py").write_text("A = 2\n")
    assert list(before.code) == ["shared.py", "train.py"]
    assert recipe(project("import shared\n")).key != before.key


def test_other_data_is_another_key(project: Project, tmp_path: Path) -> None:
    before = recipe(project())
    (tmp_path / "data" / "more.csv").write_text("1\n")
    assert recipe(before.spec).key != before.key


def test_another_parameter_is_another_key(project: Project) -> None:
    spec = project()
    assert recipe(spec).key != recipe(spec, factor=3, seed=7).key


def test_what_does_not_change_the_training_keeps_the_key(project: Project) -> None:
    before = recipe(project()).key
    changed = project(metrics={"other": "x=(.)"}, max_minutes=5, instance="ml.c5.xlarge")
    assert recipe(changed).key == before


def test_facts_have_the_seed_and_the_digests(project: Project) -> None:
    facts = recipe(project()).facts()
    assert facts["seed"] == 7
    assert facts["data"]["train"].startswith("sha256:")
    assert facts["entry"] == "train.py"
    assert facts["commit"] is None


def test_the_commit_says_whether_files_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        run = subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)
        return run.stdout.decode().strip()

    git("init", "-q")
    (tmp_path / "train.py").write_text("1\n")
    git("add", ".")
    git("commit", "-qm", "first")
    head = git("rev-parse", "HEAD")
    assert commit_of(tmp_path) == head
    (tmp_path / "train.py").write_text("2\n")
    assert commit_of(tmp_path) == f"{head}-dirty"


def test_a_missing_script_is_an_error_with_its_place(project: Project) -> None:
    spec = project(entry="gone.py")
    with pytest.raises(TrainingError, match=r"models.yaml:\d+: models.m.train.entry: .*gone.py is"):
        code_files(spec)


def test_a_file_outside_the_scripts_folder_is_an_error(project: Project, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "train.py").write_text("")
    with pytest.raises(TrainingError, match=r"train.files: .* must be a file in or below"):
        code_files(project(entry="sub/train.py", files=["train.py"]))


def test_listed_files_are_part_of_the_code(project: Project, tmp_path: Path) -> None:
    (tmp_path / "columns.json").write_text("[]")
    assert list(recipe(project(files=["columns.json"])).code) == ["columns.json", "train.py"]


def test_a_model_without_training_is_an_error(project: Project, tmp_path: Path) -> None:
    project()
    (tmp_path / "models.yaml").write_text("models: {m: {source: a.onnx}}")
    with pytest.raises(ManifestError, match=r"models.m.train: is missing; add it"):
        recipe(load_manifest(tmp_path / "models.yaml").models["m"])
