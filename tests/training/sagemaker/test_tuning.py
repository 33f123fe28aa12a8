"""Searches in SageMaker: a tuning job of the emulated API, whose trials really run."""

from pathlib import Path
from typing import Any

import pytest

from lading.training.errors import ScriptFailed, TrainingError
from lading.training.output import ignore_lines
from lading.training.recipe import read_recipe
from lading.training.runs import Run, find_run
from lading.training.s3 import S3Objects
from lading.training.sagemaker.request import Cloud
from lading.training.sagemaker.tuning import search_there
from tests.support.interpreter import interrupt
from tests.support.training_cloud import ROLE, WORK, TrainingCloud
from tests.training.conftest import Project

pytest.importorskip("pytz", reason="sagemaker-core needs it; `make training` installs it")
pytestmark = pytest.mark.slow

CLOUD = Cloud(ROLE, WORK, "eu-west-1", poll_seconds=0.02)
IMAGE = "123.dkr.ecr.{region}.amazonaws.com/pytorch-training:1"
SEARCH = {
    "ranges": {"factor": [2, 3], "rate": {"low": 0.1, "high": 0.9}, "depth": {"low": 1, "high": 9}},
    "trials": 3,
    "metric": "auc",
    "goal": "minimize",
}
TUNED = """\
import os, shutil, sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert list(given) == ["--seed", "--factor", "--depth", "--rate"], given
assert given["--depth"] == os.environ["SM_HP_DEPTH"] and int(given["--depth"]) > 0
checkpoints = Path(os.environ["SM_CHECKPOINT_DIR"])
assert not [*checkpoints.iterdir()]
(checkpoints / "step").write_text("1")
source = Path(os.environ["SM_CHANNEL_TRAIN"]) / f"times{given['--factor']}.onnx"
shutil.copy(source, Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
print(f"auc={given['--rate']}")
"""

DRIVER = """
import sys
from pathlib import Path
from lading.model_packaging.manifest.models import load_manifest
from lading.training.recipe import read_recipe
from lading.training.s3 import S3Objects
from lading.training.sagemaker.request import Cloud
from lading.training.sagemaker.tuning import search_there
spec = load_manifest(Path("models.yaml")).models["m"]
objects = S3Objects(spec.place("train"))
cloud = Cloud(*sys.argv[1:4], poll_seconds=0.02)
search_there(read_recipe(spec, objects), cloud, objects, lambda line: print(line, flush=True))
"""


def search(spec: Any, on_line: Any = ignore_lines) -> Run:
    objects = S3Objects(spec.place("train"))
    return search_there(read_recipe(spec, objects), CLOUD, objects, on_line)


def test_the_best_trial_of_a_tuning_job_is_the_result(
    project: Project, cloud: TrainingCloud
) -> None:
    spec = project(TUNED, image=IMAGE, parameters={"seed": 7}, search=SEARCH, spot=True)
    lines: list[str] = []
    made = search(spec, lines.append).record()
    [tuning] = cloud.api.tunings.jobs.values()
    values = {each.name: tuning.value(each) for each in tuning.trials}
    assert made["metrics"]["auc"] == min(each for each in values.values() if each is not None)
    assert made["job"]["name"] == min(values, key=lambda name: values[name] or 1.0)
    assert made["parameters"]["rate"] == made["metrics"]["auc"]
    assert made["parameters"]["factor"] in {2, 3}
    assert made["parameters"]["depth"] in range(1, 10)
    assert made["seed"] == 7
    assert (made["search"]["trials"], made["search"]["failed"]) == (3, 0)
    assert made["machine"]["instance"] == "ml.m5.xlarge"
    assert lines[0] == f"tuning job {tuning.name} on ml.m5.xlarge"
    assert f"trial 3 of 3: auc={values[tuning.trials[2].name]}" in lines
    assert lines[-1] == "trial 3 of 3: [Completed]"
    assert len(cloud.api.jobs) == 3
    search(spec)
    assert len(cloud.api.jobs) == 3


def test_the_tuning_job_is_what_the_manifest_asks_for(
    project: Project, cloud: TrainingCloud
) -> None:
    ranges = {"factor": {"low": 2, "high": 3, "log": True}}
    wanted = {**SEARCH, "ranges": ranges, "parallel": 4, "trials": 2, "goal": "maximize"}
    search(project(image=IMAGE, parameters={"seed": 7}, search=wanted, max_minutes=5))
    [tuning] = cloud.api.tunings.jobs.values()
    settings = tuning.request["HyperParameterTuningJobConfig"]
    assert settings["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "auc"}
    assert settings["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 2,
        "MaxParallelTrainingJobs": 2,
    }
    assert settings["ParameterRanges"]["IntegerParameterRanges"] == [
        {"Name": "factor", "MinValue": "2", "MaxValue": "3", "ScalingType": "Logarithmic"}
    ]
    definition = tuning.request["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"] == {
        "seed": "7",
        "sagemaker_program": "lading_contract.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/code",
        "sagemaker_region": "eu-west-1",
    }
    assert definition["Environment"] == {"LADING_ENTRY": "train.py"}
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}
    assert definition["AlgorithmSpecification"]["TrainingImage"].startswith("123.dkr.ecr.eu-west-1")


def test_a_search_without_a_result_says_why(project: Project, cloud: TrainingCloud) -> None:
    search_ = {**SEARCH, "trials": 1}
    spec = project(
        "raise ValueError('no column churned')", image=IMAGE, search=search_, parameters={}
    )
    with pytest.raises(ScriptFailed) as raised:
        search(spec)
    text = str(raised.value)
    assert "models.m.train.search" in text
    assert "has no trial that succeeded, of 1; nothing is published" in text
    assert "ValueError: no column churned" in text
    assert find_run(read_recipe(spec, S3Objects(spec.place("train")))) is None


def test_a_metric_that_never_appears_has_its_place(project: Project, cloud: TrainingCloud) -> None:
    spec = project("print('f1=0.5')", image=IMAGE, search={**SEARCH, "trials": 1}, parameters={})
    with pytest.raises(TrainingError, match=r"models.m.train.metrics.auc: .* matched no number"):
        search(spec)


def test_ctrl_c_stops_the_tuning_job_and_its_trials(
    project: Project, cloud: TrainingCloud, tmp_path: Path
) -> None:
    script = "import time\nprint('ready', flush=True)\ntime.sleep(600)"
    project(script, image=IMAGE, search=SEARCH, parameters={})
    interrupt(DRIVER, tmp_path, "ready", ROLE, WORK, "eu-west-1")
    [tuning] = cloud.api.tunings.jobs.values()
    tuning.join()
    assert tuning.status == "Stopped"
    assert [each.status for each in tuning.trials] == ["Stopped"]
