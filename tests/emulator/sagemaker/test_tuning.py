"""Tuning jobs of the emulated training API: requests that it refuses, pages, and the end."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lading.emulator.sagemaker.training import TrainingApi
from tests.emulator.sagemaker.test_training import Folders, request
from tests.support.uvicorn_server import uvicorn_serving

STATIC = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": "/opt/ml/input/data/code",
    "seed": "7",
}
SCRIPT = (
    "import sys\nassert sys.argv[1:4:2] == ['--seed', '--depth']\nprint('loss=0.' + sys.argv[4])"
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[TrainingApi]:
    api = TrainingApi(tmp_path / "jobs", Folders(SCRIPT), {"PATH": os.defpath})
    yield api
    api.stop()


@pytest.fixture
def client(api: TrainingApi) -> Iterator[Any]:
    with uvicorn_serving(api) as address:
        made = boto3.session.Session("test", "test", region_name="us-east-1")
        yield made.client("sagemaker", endpoint_url=f"http://{address}")


def tuning(**changes: Any) -> dict[str, Any]:
    definition = {**request(), "StaticHyperParameters": STATIC}
    del definition["TrainingJobName"], definition["AlgorithmSpecification"]["ContainerEntrypoint"]
    depth = {"Name": "depth", "MinValue": "1", "MaxValue": "9", "ScalingType": "Linear"}
    return {
        "HyperParameterTuningJobName": "search",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3},
            "ParameterRanges": {"IntegerParameterRanges": [depth]},
            **changes,
        },
        "TrainingJobDefinition": definition,
    }


def test_trials_run_as_the_images_start_them_and_the_best_is_known(
    api: TrainingApi, client: Any
) -> None:
    client.create_hyper_parameter_tuning_job(**tuning())
    api.tunings.jobs["search"].join()
    found = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"]["Completed"] == 3
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName="search", MaxResults=2
    )
    trials = [each for page in pages for each in page["TrainingJobSummaries"]]
    assert len({each["TrainingJobName"] for each in trials}) == 3
    values = {
        each["TrainingJobName"]: each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for each in trials
    }
    for each in trials:
        depth = each["TunedHyperParameters"]["depth"]
        assert values[each["TrainingJobName"]] == pytest.approx(float(f"0.{depth}"))
    best = found["BestTrainingJob"]["TrainingJobName"]
    assert values[best] == min(values.values())


def test_what_sagemaker_refuses_is_refused(api: TrainingApi, client: Any) -> None:
    unknown = {"Type": "Minimize", "MetricName": "auc"}
    for wrong, reason in (
        (tuning(HyperParameterTuningJobObjective=unknown), "auc is not in MetricDefinitions"),
        ({**tuning(), "HyperParameterTuningJobName": "x-"}, "is not a valid HyperParameterTuningJ"),
    ):
        with pytest.raises(ClientError, match=reason):
            client.create_hyper_parameter_tuning_job(**wrong)
    with pytest.raises(ClientError, match="not found"):
        client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="gone")
    assert not api.jobs
