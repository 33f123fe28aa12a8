import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lading.model_packaging.confinement import unavailable
from lading.model_packaging.manifest.models import load_manifest
from tests.cli.conftest import Lading, run
from tests.support.worlds import times

ROWS = np.random.default_rng(1).normal(size=(40, 2))
LABELS = (ROWS[:, 0] > ROWS[:, 1]).astype(int)
ANYWHERE = ["--unconfined"] if unavailable() else []


@pytest.fixture
def trained(workspace: Path) -> Path:
    """A folder with a pickled model, and held-out rows beside it."""
    folder = workspace / "trained"
    folder.mkdir()
    joblib.dump(LogisticRegression().fit(ROWS, LABELS), folder / "sign.joblib")
    lines = [f"{a},{b},{y}" for (a, b), y in zip(ROWS, LABELS, strict=True)]
    (folder / "holdout.csv").write_text("\n".join(["a,b,y", *lines]))
    return folder


def test_a_project_from_a_model_packages_at_once(
    lading: Lading, workspace: Path, trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = lading("init", "shop", "--from", "trained/sign.joblib", "--yes", *ANYWHERE)
    assert result.code == 0
    assert "scikit-learn" in result.out
    assert "accuracy of" not in result.out  # the truth is called y, which needs no key
    assert (workspace / "shop/models/sign.joblib").read_bytes() == (
        trained / "sign.joblib"
    ).read_bytes()
    assert run(workspace / "shop", "package", *ANYWHERE) == 0
    assert run(workspace / "shop", "predict", "sign", "--input", "example.json") == 0
    shown = capfd.readouterr().out.splitlines()[-1].split()
    assert {shown[-2], shown[-4]} == {"0", "1"}  # a class beside each probability


def test_files_in_the_project_stay_where_they_are(
    lading: Lading, workspace: Path, trained: Path
) -> None:
    lading("init", "trained", "--from", "trained/sign.joblib", "--yes", *ANYWHERE)
    spec = load_manifest(trained / "models.yaml").models["sign"]
    assert spec.source == workspace.relative_to(workspace) / trained / "sign.joblib"
    assert not (trained / "models").exists()


def test_a_pickle_is_not_read_where_nobody_says_that_it_is_trusted(
    lading: Lading, workspace: Path, trained: Path
) -> None:
    result = lading("init", "shop", "--from", "trained/sign.joblib")
    assert result.code == 2
    assert "can run code when it is loaded (it is a pickle); give --yes" in result.err
    assert not (workspace / "shop").exists()


def test_a_project_that_exists_is_not_changed(lading: Lading, workspace: Path) -> None:
    before = (workspace / "models.yaml").read_text()
    result = lading("init")
    assert result.code == 2
    assert "models.yaml exists already" in result.err
    assert (workspace / "models.yaml").read_text() == before
    assert not (workspace / "app.py").exists()


def test_other_files_that_exist_are_kept(lading: Lading, workspace: Path) -> None:
    (workspace / "shop").mkdir()
    (workspace / "shop/.gitignore").write_text("mine\n")
    document = lading("init", "shop", "--json").document
    assert document["kept"] == [".gitignore"]
    assert (workspace / "shop/.gitignore").read_text() == "mine\n"


def test_a_dry_run_prints_the_files_and_writes_none(lading: Lading, workspace: Path) -> None:
    (workspace / "three.onnx").write_bytes(times(3))
    result = lading("init", "shop", "--from", "three.onnx", "--dry-run")
    assert "--- models.yaml\n" in result.out
    assert "source: models/three.onnx" in result.out
    assert "json-schema.org" not in result.out
    assert not (workspace / "shop").exists()


def test_rows_that_do_not_fit_the_model_are_refused_by_column(
    lading: Lading, workspace: Path
) -> None:
    folder = workspace / "sentiment"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    (workspace / "rows.csv").write_text("words,y\na,1\n")
    result = lading("init", "shop", "--from", "sentiment", "--data", "rows.csv")
    assert result.code == 2
    assert "has no column 'text'" in result.err


def test_a_model_that_is_not_there_costs_one_line(lading: Lading) -> None:
    result = lading("init", "shop", "--from", "none.onnx")
    assert result.code == 2
    assert result.err == "error: none.onnx: there is no such file or folder [subject-error]\n"


def test_an_address_is_written_down_and_not_asked(lading: Lading, workspace: Path) -> None:
    result = lading("init", "shop", "--from", "hf://org/sentiment@main")
    assert result.code == 0, result.err
    assert "hf://org/sentiment@main, which `lading package` downloads" in result.out
    assert "source: hf://org/sentiment@main" in (workspace / "shop/models.yaml").read_text()
    assert lading("init", "b", "--from", "hf://org/m", "--data", "rows.csv").code == 2
    assert "huggingface" in (workspace / "shop/requirements.txt").read_text()
    assert lading("package", "--dry-run", "--manifest", "shop/models.yaml").out == (
        "sentiment would first download hf://org/sentiment@main\n"
    )


@pytest.mark.slow
def test_at_a_terminal_it_asks_three_questions_at_most(workspace: Path, trained: Path) -> None:
    (trained / "holdout.csv").rename(workspace / "rows.csv")
    rows = (workspace / "rows.csv").read_text().replace("a,b,y", "a,b,up").splitlines()
    kept = [rows[0] + ",id", *(f"{row},{at}" for at, row in enumerate(rows[1:]))]
    (workspace / "rows.csv").write_text("\n".join(kept))
    terminal, own = pty.openpty()
    words = [sys.executable, "-m", "lading.cli.main", "init", "shop", "--from"]
    with subprocess.Popen(
        [*words, "trained/sign.joblib", *ANYWHERE],
        cwd=workspace,
        stdin=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(terminal, b"y\nrows.csv\n3\n")
        out, asked = process.communicate()
    assert process.returncode == 0, asked
    questions = ("Do you trust it?", "File of held-out rows", "Which column")
    assert [asked.count(each) for each in questions] == [1, 1, 1]
    assert "accuracy of 'up' in data/rows.csv" in out
