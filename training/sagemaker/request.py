"""What a training job is asked for, from a recipe: SageMaker's words for the manifest's."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lading.model_packaging.manifest.training import SearchRange
from lading.training.channels import Channel, Objects, files_below
from lading.training.contract import CODE, ENTRY, NAME
from lading.training.errors import TrainingError
from lading.training.recipe import Recipe
from lading.training.runs import copy_code, text_of, texts_of

_LONGEST, _LONGEST_TUNING = 63, 32
_ENDING = len("-01234567-1764450000000")
_PATIENCE = 2
"""A spot job may wait for capacity as long as it may run."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where jobs run in SageMaker.

    Args:
        role: the ARN of the role that a job assumes.
        work: s3://bucket/prefix for code, data, checkpoints and results of jobs.
        region: the AWS Region.
        poll_seconds: the time between two looks at a job.
    """

    role: str
    work: str
    region: str
    poll_seconds: float = 5.0


def job_name(recipe: Recipe) -> str:
    """Return a name for a job that no earlier job has."""
    return f"{job_prefix(recipe.spec.name)}{recipe.key[7:15]}-{time.time_ns() // 1_000_000}"


def job_prefix(model: str) -> str:
    """Return the start of the names of a model's jobs."""
    name = re.sub(r"[^A-Za-z0-9-]", "-", model)
    return f"lading-{name}"[: _LONGEST - _ENDING].rstrip("-") + "-"


def upload_inputs(recipe: Recipe, cloud: Cloud, objects: Objects) -> dict[str, str]:
    """Upload the code and the channels that are on this machine; return their addresses.

    What is there already is not uploaded again: addresses have the digests.
    """
    found = {CODE: f"{cloud.work}/code/{recipe.code_digest[7:]}"}
    with TemporaryDirectory(prefix="lading-") as folder:
        copy_code(recipe, Path(folder))
        _upload(objects, files_below(Path(folder)), found[CODE])
    for channel in recipe.channels.values():
        found[channel.name] = channel.address or _channel(channel, cloud, objects)
    return found


def _channel(channel: Channel, cloud: Cloud, objects: Objects) -> str:
    address = f"{cloud.work}/data/{channel.digest[7:]}"
    _upload(objects, dict(channel.files), address)
    return address


def _upload(objects: Objects, files: dict[str, Path], address: str) -> None:
    present = objects.tags(address)
    missing = {name: path for name, path in files.items() if name not in present}
    objects.upload(missing, address)


def job_request(recipe: Recipe, cloud: Cloud, inputs: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of CreateTrainingJob, without its name and hyperparameters.

    Raises:
        TrainingError: the manifest names no image.
    """
    train = recipe.train
    if train.image is None:
        advice = "name a container image with Python and the framework, such as one of AWS's"
        place = recipe.spec.place("train.image")
        raise TrainingError(place, f"is missing; to train in SageMaker, {advice}")
    seconds = train.max_minutes * 60
    stopping: dict[str, int] = {"MaxRuntimeInSeconds": seconds}
    if train.spot:
        stopping["MaxWaitTimeInSeconds"] = _PATIENCE * seconds
    request: dict[str, Any] = {
        "RoleArn": cloud.role,
        "AlgorithmSpecification": {
            "TrainingImage": train.image.replace("{region}", cloud.region),
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"/opt/ml/input/data/{CODE}/{NAME}"],
            "ContainerArguments": [train.entry.name],
            "MetricDefinitions": [
                {"Name": name, "Regex": pattern} for name, pattern in train.metrics.items()
            ],
        },
        "InputDataConfig": [_input(name, address) for name, address in inputs.items()],
        "OutputDataConfig": {"S3OutputPath": f"{cloud.work}/jobs"},
        "ResourceConfig": {
            "InstanceType": train.instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": train.volume_gb,
        },
        "StoppingCondition": stopping,
    }
    if train.spot:
        checkpoints = f"{cloud.work}/checkpoints/{recipe.key[7:]}"
        request |= {
            "EnableManagedSpotTraining": True,
            "CheckpointConfig": {"S3Uri": checkpoints, "LocalPath": "/opt/ml/checkpoints"},
        }
    return request


def tuning_name(recipe: Recipe) -> str:
    """Return a name for a tuning job that no earlier one has."""
    model = re.sub(r"[^A-Za-z0-9-]", "-", recipe.spec.name)
    ending = f"-{time.time_ns() // 1_000_000:x}"
    return f"lading-{model}"[: _LONGEST_TUNING - len(ending)].rstrip("-") + ending


def tuning_request(recipe: Recipe, cloud: Cloud, inputs: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of CreateHyperParameterTuningJob, without its name.

    A trial has no entry point of its own. AWS's framework images start the program that two
    hyperparameters name; that is the contract, and a variable names the script.

    Raises:
        TrainingError: the manifest names no image.
    """
    search = recipe.train.search
    assert search is not None
    request = job_request(recipe, cloud, inputs)
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        del request["AlgorithmSpecification"][key]
    static = {
        **texts_of(recipe),
        "sagemaker_program": NAME,
        "sagemaker_submit_directory": f"/opt/ml/input/data/{CODE}",
        "sagemaker_region": cloud.region,
    }
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {
                "Type": search.goal.capitalize(),
                "MetricName": search.metric,
            },
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": search.trials,
                "MaxParallelTrainingJobs": min(search.parallel, search.trials),
            },
            "ParameterRanges": _ranges(search.ranges),
        },
        "TrainingJobDefinition": {
            **request,
            "StaticHyperParameters": static,
            "Environment": {ENTRY: recipe.train.entry.name},
        },
    }


def _ranges(ranges: Mapping[str, SearchRange]) -> dict[str, Any]:
    """Return the ranges as SageMaker has them: three kinds, and numbers as texts."""
    kinds: dict[str, list[dict[str, Any]]] = {
        f"{kind}ParameterRanges": [] for kind in ("Categorical", "Integer", "Continuous")
    }
    for name, each in ranges.items():
        if each.values:
            values = [text_of(value) for value in each.values]
            kinds["CategoricalParameterRanges"].append({"Name": name, "Values": values})
            continue
        kind = "Integer" if each.whole else "Continuous"
        kinds[f"{kind}ParameterRanges"].append(
            {
                "Name": name,
                "MinValue": str(each.low),
                "MaxValue": str(each.high),
                "ScalingType": "Logarithmic" if each.log else "Linear",
            }
        )
    return kinds


def _input(name: str, address: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": address,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
