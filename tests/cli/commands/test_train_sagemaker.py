"""`lading train --on sagemaker`, from the command to a version, with jobs that really run."""

import json
from pathlib import Path

import pytest

from tests.cli.commands.test_train import MANIFEST, SCRIPT
from tests.cli.conftest import Lading
from tests.support.s3 import running
from tests.support.training_cloud import ROLE, WORK, training_cloud
from tests.support.worlds import times

pytest.importorskip("pytz", reason="sagemaker-core needs it; `make training` installs it")
pytestmark = pytest.mark.slow

THERE = ("--on", "sagemaker", "--role", ROLE, "--work", WORK, "--region", "eu-west-1")
IMAGE = "image: '123.dkr.ecr.{region}.amazonaws.com/pytorch-training:1'"


def write(folder: Path, script: str, more: str = "") -> None:
    """A project in the working folder, with further keys of `train`."""
    keys = f"      entry: train.py\n      {IMAGE}\n{more}"
    (folder / "models.yaml").write_text(MANIFEST.replace("      entry: train.py\n", keys))
    (folder / "train.py").write_text(script)
    (folder / "data").mkdir(exist_ok=True)
    for factor in (2, 3):
        (folder / f"data/times{factor}.onnx").write_bytes(times(factor))


def test_a_job_a_search_and_a_failed_job(workspace: Path, lading: Lading, tmp_path: Path) -> None:
    with running() as s3_url, training_cloud(s3_url, tmp_path / "jobs") as cloud:
        write(workspace, SCRIPT)
        result = lading("train", "m", *THERE)
        assert result.code == 0, result.err
        assert result.out.startswith("m version 1 published: ")
        assert "auc 0.75" in result.out
        assert "auc=0.75" in result.err
        [name] = cloud.api.jobs
        made = json.loads((workspace / "artifacts/models/m/1/artifact.json").read_text())[
            "training"
        ]
        assert made["job"]["name"] == name
        assert made["energy"]["region"] == "eu-west-1"
        assert made["energy"]["grams_co2e"] is not None
        assert lading("train", "m", *THERE).out.startswith("m version 1 unchanged: ")
        assert lading("train", "m").out.startswith("m version 1 unchanged: ")
        assert len(cloud.api.jobs) == 1

        search = "      search: {ranges: {factor: [2, 3]}, trials: 2, metric: auc, parallel: 2}\n"
        write(workspace, SCRIPT, search)
        path = workspace / "models.yaml"
        path.write_text(path.read_text().replace("{factor: 2, seed: 7}", "{seed: 7}"))
        document = lading("train", "m", *THERE, "--json").document
        assert document["training"]["search"]["trials"] == 2
        assert document["training"]["parameters"].keys() == {"factor", "seed"}
        assert len(cloud.api.jobs) == 3

        write(workspace, "raise SystemExit('no column churned')")
        failed = lading("train", "m", *THERE)
        assert failed.code == 5
        assert "models.yaml:4: models.m.train.entry: training job lading-m-" in failed.err
        assert failed.err.rstrip().endswith("no column churned")
        assert document["version"] == 2
        assert not (workspace / "artifacts/models/m/3").exists()
