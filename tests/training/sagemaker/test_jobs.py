"""Trainings in SageMaker: real jobs of the emulated training API, by the same contract."""

from pathlib import Path
from typing import Any

import pytest

from lading.training.errors import CloudRefused, ScriptFailed, TrainingError
from lading.training.local import train_here
from lading.training.output import ignore_lines
from lading.training.recipe import Recipe, read_recipe
from lading.training.runs import Run, find_run
from lading.training.s3 import S3Objects
from lading.training.sagemaker.jobs import train_there
from lading.training.sagemaker.request import Cloud
from tests.support.interpreter import interrupt
from tests.support.training_cloud import ROLE, WORK, TrainingCloud
from tests.support.worlds import times
from tests.training.conftest import Project

pytest.importorskip("pytz", reason="sagemaker-core needs it; `make training` installs it")
pytestmark = pytest.mark.slow

CLOUD = Cloud(ROLE, WORK, "eu-west-1", poll_seconds=0.02)
IMAGE = "123.dkr.ecr.{region}.amazonaws.com/sklearn:1"

RESUMED = """
import os, sys, time
from pathlib import Path
saved = Path(os.environ["SM_CHECKPOINT_DIR"]) / "step"
if not saved.exists():
    saved.write_text("1")
    print("saved", flush=True)
    time.sleep(600)
print("resumed auc=0.9")
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_bytes(b"model")
"""

DRIVER = """
import sys
from pathlib import Path
from lading.model_packaging.manifest.models import load_manifest
from lading.training.recipe import read_recipe
from lading.training.s3 import S3Objects
from lading.training.sagemaker.jobs import train_there
from lading.training.sagemaker.request import Cloud
spec = load_manifest(Path("models.yaml")).models["m"]
objects = S3Objects(spec.place("train"))
cloud = Cloud(*sys.argv[1:4], poll_seconds=0.02)
train_there(read_recipe(spec, objects), cloud, objects, lambda line: print(line, flush=True))
"""


def read(spec: Any) -> tuple[Recipe, S3Objects]:
    objects = S3Objects(spec.place("train"))
    return read_recipe(spec, objects), objects


def train(spec: Any, on_line: Any = ignore_lines) -> Run:
    recipe, objects = read(spec)
    return train_there(recipe, CLOUD, objects, on_line)


def test_the_same_script_makes_the_same_model_in_both_places(
    project: Project, cloud: TrainingCloud, tmp_path: Path
) -> None:
    spec = project(image=IMAGE)
    lines: list[str] = []
    there = train(spec, lines.append)
    assert {"epoch 1: auc=0.5", "epoch 2: auc=0.2", "[Completed]"} <= set(lines)
    made = there.record()
    (there.folder / "training.json").unlink()
    recipe, objects = read(spec)
    here = train_here(recipe, objects, ignore_lines)
    assert (here.model / "model.onnx").read_bytes() == times(2)
    same = ("key", "code", "data", "parameters", "metrics", "libraries", "python", "seed")
    assert {key: made[key] for key in same} == {key: here.record()[key] for key in same}
    assert made["machine"]["instance"] == "ml.m5.xlarge"
    assert made["job"]["name"] in cloud.api.jobs
    assert made["job"]["billable_seconds"] >= 0


def test_the_job_is_what_the_manifest_asks_for(project: Project, cloud: TrainingCloud) -> None:
    train(project(image=IMAGE, instance="ml.c5.xlarge", spot=True, max_minutes=5, volume_gb=9))
    [job] = cloud.api.jobs.values()
    request = job.request
    assert request["RoleArn"] == ROLE
    algorithm = request["AlgorithmSpecification"]
    assert algorithm["TrainingImage"] == "123.dkr.ecr.eu-west-1.amazonaws.com/sklearn:1"
    assert algorithm["MetricDefinitions"] == [{"Name": "auc", "Regex": "auc=([0-9.]+)"}]
    assert request["HyperParameters"] == {"factor": "2", "seed": "7"}
    assert request["ResourceConfig"] == {
        "InstanceType": "ml.c5.xlarge",
        "InstanceCount": 1,
        "VolumeSizeInGB": 9,
    }
    stopping = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}
    assert request["StoppingCondition"] == stopping
    assert request["EnableManagedSpotTraining"] is True
    assert request["CheckpointConfig"]["S3Uri"].startswith(f"{WORK}/checkpoints/")
    assert len(request["TrainingJobName"]) <= 63


def test_a_channel_may_be_in_s3(project: Project, cloud: TrainingCloud) -> None:
    for key in ("rows/times2.onnx", "rows2/times2.onnx"):
        cloud.s3.put_object(Bucket="training", Key=key, Body=times(int(key[4] == "2") + 2))
    spec = project(image=IMAGE, channels={"train": "s3://training/rows"})
    there = train(spec)
    assert (there.model / "model.onnx").read_bytes() == times(2)
    (there.folder / "training.json").unlink()
    recipe, objects = read(spec)
    here = train_here(recipe, objects, ignore_lines)
    assert (here.model / "model.onnx").read_bytes() == times(2)


def test_what_is_in_s3_already_is_not_uploaded_again(
    project: Project, cloud: TrainingCloud
) -> None:
    train(project(image=IMAGE))
    before = {
        each["Key"]: each["LastModified"]
        for each in cloud.s3.list_objects_v2(Bucket="training", Prefix="work/data")["Contents"]
    }
    train(project(image=IMAGE, parameters={"factor": 3}))
    after = {
        each["Key"]: each["LastModified"]
        for each in cloud.s3.list_objects_v2(Bucket="training", Prefix="work/data")["Contents"]
    }
    assert before == after
    assert len(cloud.api.jobs) == 2


def test_a_failed_job_says_why(project: Project, cloud: TrainingCloud) -> None:
    spec = project("print('reading')\nraise ValueError('no column churned')", image=IMAGE)
    with pytest.raises(ScriptFailed) as raised:
        train(spec)
    text = str(raised.value)
    [name] = cloud.api.jobs
    assert f"training job {name} has failed; nothing is published" in text
    assert "/aws/sagemaker/TrainingJobs" in text
    assert text.endswith("ValueError: no column churned")
    assert find_run(read(spec)[0]) is None


def test_no_image_is_an_error_before_anything_is_uploaded(
    project: Project, cloud: TrainingCloud
) -> None:
    with pytest.raises(TrainingError, match=r"models.m.train.image: is missing; to train in Sage"):
        train(project())
    assert cloud.objects() == {}


def test_a_missing_bucket_is_an_error(project: Project, cloud: TrainingCloud) -> None:
    recipe, objects = read(project(image=IMAGE))
    with pytest.raises(CloudRefused, match=r"models.m.train: s3://gone/.* does not exist"):
        train_there(recipe, Cloud(ROLE, "s3://gone/x", "eu-west-1", 0.02), objects, ignore_lines)


def test_a_refusal_of_sagemaker_is_an_error(project: Project, cloud: TrainingCloud) -> None:
    cloud.api.create = refusing  # type: ignore[method-assign]
    with pytest.raises(CloudRefused, match="SageMaker answered ResourceLimitExceeded: no quota"):
        train(project(image=IMAGE))


def refusing(request: Any) -> Any:
    from lading.emulator.sagemaker.refusals import SageMakerRefusal

    raise SageMakerRefusal("ResourceLimitExceeded", 400, "no quota")


def test_a_spot_job_continues_from_its_checkpoints(project: Project, cloud: TrainingCloud) -> None:
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "saved":
            [job] = cloud.api.jobs.values()
            job.interrupt()

    run = train(project(RESUMED, image=IMAGE, spot=True), on_line)
    [job] = cloud.api.jobs.values()
    assert job.attempts == 2
    assert "resumed auc=0.9" in lines
    assert run.record()["metrics"] == {"auc": 0.9}


def test_ctrl_c_stops_the_job(project: Project, cloud: TrainingCloud, tmp_path: Path) -> None:
    project("import time\nprint('ready', flush=True)\ntime.sleep(600)", image=IMAGE)
    interrupt(DRIVER, tmp_path, "ready", ROLE, WORK, "eu-west-1")
    [job] = cloud.api.jobs.values()
    job.join()
    assert job.status == "Stopped"
