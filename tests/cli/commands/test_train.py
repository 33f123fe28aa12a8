import json
import shutil
from pathlib import Path

import pytest

from lading.model_packaging.lock.file import read_lock
from tests.cli.conftest import Lading, write_training

MANIFEST = """\
models:
  m:
    train:
      entry: train.py
      channels: {train: data}
      parameters: {factor: 2, seed: 7}
      metrics: {auc: 'auc=([0-9.]+)'}
"""

SCRIPT = """\
import os, shutil, sys
from pathlib import Path
factor = sys.argv[sys.argv.index("--factor") + 1]
source = Path(os.environ["SM_CHANNEL_TRAIN"]) / f"times{factor}.onnx"
shutil.copy(source, Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
print("auc=0.75")
"""


@pytest.fixture
def training(workspace: Path) -> Path:
    """The workspace, with a model that a script makes."""
    write_training(workspace, MANIFEST, SCRIPT)
    return workspace


def set_(workspace: Path, old: str, new: str) -> None:
    path = workspace / "models.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_trains_packages_and_publishes(training: Path, lading: Lading) -> None:
    result = lading("train", "m")
    assert result.code == 0, result.err
    assert result.out.startswith("m version 1 published: ")
    assert "auc 0.75" in result.out
    lines = result.err.splitlines()
    assert lines[0].split(" s  ") == [lines[0].split(" s  ")[0], "auc=0.75"]
    assert any(line.split()[0] == "publish" for line in lines)


def test_what_made_the_model_is_part_of_the_artifact(training: Path, lading: Lading) -> None:
    document = lading("train", "m", "--json").document
    made = document["training"]
    assert document["model"] == "m"
    assert made["parameters"] == {"factor": 2, "seed": 7}
    assert made["metrics"] == {"auc": 0.75}
    artifact = json.loads((training / "artifacts/models/m/1/artifact.json").read_text())
    assert {**made, "packaging": artifact["training"]["packaging"]} == artifact["training"]


def test_energy_is_part_of_the_artifact_and_of_the_comparison(
    training: Path, lading: Lading, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    made = lading("train", "m", "--region", "eu-west-1", "--json").document["training"]
    joules, grams = made["energy"]["joules"], made["energy"]["grams_co2e"]
    assert joules[0] > 0
    assert joules[1] == pytest.approx(2 * joules[0], rel=0.2)  # each is rounded
    assert grams[0] == pytest.approx(joules[0] / 3.6e6 * 291, rel=0.5)
    artifact = json.loads((training / "artifacts/models/m/1/artifact.json").read_text())
    assert artifact["training"]["energy"] == made["energy"]
    report = json.loads((training / "artifacts/models/m/1/report.json").read_text())
    assert report["energy"]["of_a_million"]["joules"][0] > 0
    set_(training, "factor: 2", "factor: 3")
    lading("train", "m")
    facts = {
        each["name"]: each for each in lading("diff", "m", "1", "2", "--json").document["facts"]
    }
    assert (facts["parameter factor"]["before"], facts["parameter factor"]["after"]) == ("2", "3")
    assert facts["training energy"]["before"].endswith("CO2e in eu-west-1")
    assert facts["training energy"]["after"].endswith("J")


def test_the_same_again_finds_the_version(training: Path, lading: Lading) -> None:
    lading("train", "m")
    result = lading("train", "m")
    assert result.out.startswith("m version 1 unchanged: ")
    assert "auc=" not in result.err


def test_the_version_is_found_without_the_training_itself(training: Path, lading: Lading) -> None:
    lading("train", "m")
    shutil.rmtree(training / ".lading/training")
    for command in ("train", "package"):
        assert lading(command, "m").out.startswith("m version 1 unchanged: ")
    assert not (training / ".lading/training").exists()


def test_other_packaging_packages_the_same_training_again(training: Path, lading: Lading) -> None:
    lading("train", "m")
    set_(training, "    train:\n", "    outputs: [z]\n    train:\n")
    result = lading("train", "m")
    assert result.out.startswith("m version 2 published: ")
    assert "auc=" not in result.err


def test_another_parameter_trains_the_next_version(training: Path, lading: Lading) -> None:
    lading("train", "m")
    set_(training, "factor: 2", "factor: 3")
    assert lading("train", "m").out.startswith("m version 2 published: ")


def test_package_needs_a_training(training: Path, lading: Lading) -> None:
    result = lading("package")
    assert result.code == 5
    assert "models.yaml:3: models.m.train: is not trained" in result.err
    assert "run `lading train m`" in result.err


def test_a_failed_training_publishes_nothing(training: Path, lading: Lading) -> None:
    (training / "train.py").write_text("raise SystemExit('no column churned')")
    result = lading("train", "m")
    assert result.code == 5
    assert "models.yaml:4: models.m.train.entry: train.py failed with exit code 1" in result.err
    assert result.err.rstrip().endswith("no column churned")
    assert not (training / "artifacts").exists()
    assert read_lock(training / "models.lock.json").names() == []


def test_a_model_that_does_not_load_publishes_nothing(training: Path, lading: Lading) -> None:
    (training / "data/times2.onnx").write_bytes(b"no model")
    result = lading("train", "m")
    assert result.code == 5
    assert "models.yaml:4: models.m.train.entry: train.py left a model that cannot be" in result.err
    assert not (training / "artifacts").exists()


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("train: data}", "train: gone}", "train.channels.train", "gone is missing"),
        ("{train: data}", "{code: data}", "train.channels.code", "choose another name"),
        ("seed: 7", "seed: [7]", "train.parameters.seed", "must be a number, a text, true or"),
        ("'auc=([0-9.]+)'", "'auc=[0-9.]+'", "train.metrics.auc", "must have one group"),
        ("'auc=([0-9.]+)'", "'auc=('", "train.metrics.auc", "must be a regular expression"),
        ("'auc=([0-9.]+)'", "'f1=(.+)'", "train.metrics.auc", "matched no number"),
        ("entry: train.py", "entry: gone.py", "train.entry", "gone.py is missing"),
        ("entry: train.py", "entry: train.py\n      schedule: rate(5)", "train.schedule", "rate(7"),
        (
            "entry: train.py",
            "entry: train.py\n      instance: m5",
            "train.instance",
            "ml.m5.xlarge",
        ),
        ("train: data}", "train: 's3://B'}", "train.channels.train", "s3://bucket/prefix"),
        ("    train:", "    source: a.onnx\n    train:", "models.m", "both source and train"),
    ],
)
def test_bad_input_is_one_line_with_its_place(  # noqa: PLR0913, PLR0917 - one table
    training: Path, lading: Lading, old: str, new: str, place: str, reason: str
) -> None:
    set_(training, old, new)
    result = lading("train", "m")
    [error] = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert result.code in {2, 5}
    assert error.startswith("error: models.yaml:")
    assert place in error
    assert reason in error
    assert not (training / "artifacts").exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("print('auc=0.5')", "train.py left no model; write it to the folder in SM_MODEL_DIR"),
        (
            "print('auc=0.5')\nfor n in 'ab': (M / f'{n}.onnx').touch()",
            "left 2 files: a.onnx, b.on",
        ),
    ],
    ids=["no model", "two models"],
)
def test_a_script_without_one_model_is_one_line_and_publishes_nothing(
    training: Path, lading: Lading, script: str, reason: str
) -> None:
    head = "import os, pathlib\nM = pathlib.Path(os.environ['SM_MODEL_DIR'])\n"
    (training / "train.py").write_text(head + script)
    result = lading("train", "m")
    [error] = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert result.code == 5
    assert error.startswith("error: models.yaml:4: models.m.train.entry: ")
    assert reason in error
    assert not (training / "artifacts").exists()


def test_an_empty_channel_is_one_line_with_its_place(training: Path, lading: Lading) -> None:
    for path in (training / "data").iterdir():
        path.unlink()
    result = lading("train", "m")
    assert result.code == 5
    [error] = result.err.splitlines()
    assert error.startswith("error: models.yaml:5: models.m.train.channels.train: ")
    assert "data is empty; put the data there" in error


def test_a_search_publishes_the_best_trial(training: Path, lading: Lading) -> None:
    pytest.importorskip("optuna", reason="`make training` installs it")
    set_(
        training,
        "parameters: {factor: 2, seed: 7}",
        "search: {ranges: {factor: [2, 3]}, trials: 2, metric: auc}",
    )
    document = lading("train", "m", "--json").document
    assert document["version"] == 1
    assert document["training"]["search"]["trials"] == 2
    assert document["training"]["parameters"]["factor"] in {2, 3}
    assert lading("package", "m").out.startswith("m version 1 unchanged: ")


@pytest.mark.parametrize(
    ("given", "missing"),
    [([], "--role"), (["--role", "r"], "--work"), (["--role", "r", "--work", "folder"], "--work")],
)
def test_sagemaker_needs_a_role_and_a_place(
    training: Path, lading: Lading, given: list[str], missing: str
) -> None:
    result = lading("train", "m", "--on", "sagemaker", "--region", "eu-west-1", *given)
    assert result.code == 2
    assert f"training in SageMaker needs {missing}, such as" in result.err


def test_a_dry_run_says_whether_it_would_train_and_writes_nothing(
    training: Path, lading: Lading
) -> None:
    before = sorted(training.rglob("*"))
    dry = lading("train", "m", "--dry-run")
    assert dry.out == "m would be trained by train.py on this machine, and get a new version\n"
    assert "nothing was written" in dry.err
    cloud = ("--role", "arn:aws:iam::1:role/r", "--work", "s3://b/w", "--region", "eu-west-1")
    assert (
        "in SageMaker in eu-west-1"
        in lading("train", "m", "--on", "sagemaker", *cloud, "--dry-run").out
    )
    document = lading("train", "m", "--dry-run", "--json").document
    assert document == {
        "model": "m",
        "dry_run": True,
        "trains": True,
        "version": None,
        "download": "",
    }
    assert sorted(training.rglob("*")) == before
    lading("train", "m")
    for command in ("train", "package"):
        assert lading(command, "m", "--dry-run").out == "m would keep version 1\n"
    manifest = training / "models.yaml"
    stated = manifest.read_text()
    set_(training, "    train:\n", "    outputs: [z]\n    train:\n")
    said = "m is trained already, and would get a new version\n"
    assert lading("train", "m", "--dry-run").out == said
    manifest.write_text(stated)
    shutil.rmtree(training / ".lading/training")
    for command in ("train", "package"):
        assert lading(command, "m", "--dry-run").out == "m would keep version 1\n"
    assert not (training / ".lading/training").exists()
