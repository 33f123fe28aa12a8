"""The operations on tuning jobs of the emulated training API."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from lading.emulator.sagemaker.refusals import ACCOUNT, SageMakerRefusal
from lading.emulator.sagemaker.training_job import TrainingJob
from lading.emulator.sagemaker.tuning_job import CreateJob, TuningJob

_ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_KEY = "HyperParameterTuningJobName"
_PAGE = 10
"""The trials of a page, unless a request asks for another number."""

Request = Mapping[str, Any]


class Tunings:
    """The tuning jobs that were started.

    Args:
        create: starts a training job.
        check: raises SageMakerRefusal for the definition of a training job that is not valid.
    """

    def __init__(self, create: CreateJob, check: Callable[[Request], None]) -> None:
        self.jobs: dict[str, TuningJob] = {}
        self._create, self._check, self._alone = create, check, threading.Lock()

    def stop_all(self) -> None:
        """Let no tuning job start another trial."""
        for job in self.jobs.values():
            job.stop()

    def create(self, request: Request) -> dict[str, Any]:
        """Start a tuning job.

        Raises:
            SageMakerRefusal: the request is not valid, or its name is taken.
        """
        name = str(request.get(_KEY))
        with self._alone:
            if not _NAME.fullmatch(name):
                raise _invalid(f"'{name[:80]}' is not a valid {_KEY}")
            if name in self.jobs:
                raise SageMakerRefusal("ResourceInUse", 400, f"{name} already exists")
            self._check(request.get("TrainingJobDefinition", {}))
            _check_objective(request)
            job = self.jobs[name] = TuningJob(name, request, self._create)
        job.start()
        return {"HyperParameterTuningJobArn": _arn(job)}

    def stop(self, request: Request) -> dict[str, Any]:
        """Stop a tuning job, and its trials."""
        self._find(request).stop()
        return {}

    def describe(self, request: Request) -> dict[str, Any]:
        """Return the request of a tuning job, its state and its best trial."""
        job = self._find(request)
        counts = Counter(each.status for each in list(job.trials))
        described = {
            **{key: value for key, value in job.request.items() if key != "Tags"},
            "HyperParameterTuningJobArn": _arn(job),
            "HyperParameterTuningJobStatus": job.status,
            "CreationTime": job.created,
            "TrainingJobStatusCounters": {
                name: counts[name] for name in ("Completed", "InProgress", "Stopped")
            },
            "ObjectiveStatusCounters": {},
        }
        if best := job.best():
            described["BestTrainingJob"] = _summary(job, best)
        return described

    def trials(self, request: Request) -> dict[str, Any]:
        """Return a page of the trials of a tuning job."""
        job = self._find(request)
        trials = sorted(job.trials, key=lambda each: each.name)
        first = int(str(request.get("NextToken", "0")))
        after = first + int(request.get("MaxResults", _PAGE))
        page = {"TrainingJobSummaries": [_summary(job, each) for each in trials[first:after]]}
        return {**page, "NextToken": str(after)} if after < len(trials) else page

    def _find(self, request: Request) -> TuningJob:
        name = str(request.get(_KEY))
        if name not in self.jobs:
            raise _invalid(f"Requested resource not found: {name[:63]}")
        return self.jobs[name]


def _summary(job: TuningJob, trial: TrainingJob) -> dict[str, Any]:
    value = job.value(trial)
    summary = {
        "TrainingJobName": trial.name,
        "TrainingJobArn": f"{_ARN}:training-job/{trial.name}",
        "CreationTime": trial.created,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": job.tuned(trial),
    }
    if trial.failure:
        summary["FailureReason"] = trial.failure
    if value is not None:
        summary["FinalHyperParameterTuningJobObjectiveMetric"] = {**job.objective, "Value": value}
    return summary


def _check_objective(request: Request) -> None:
    """Refuse what SageMaker would refuse of a search."""
    definition = request["TrainingJobDefinition"]["AlgorithmSpecification"]
    objective = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    metric = objective["MetricName"]
    if metric not in [each["Name"] for each in definition.get("MetricDefinitions", ())]:
        raise _invalid(f"Objective metric {metric} is not in MetricDefinitions")
    for key in ("ContainerEntrypoint", "ContainerArguments"):
        if key in definition:
            raise _invalid(f"Unknown parameter in AlgorithmSpecification: {key}")


def _arn(job: TuningJob) -> str:
    return f"{_ARN}:hyper-parameter-tuning-job/{job.name}"


def _invalid(text: str) -> SageMakerRefusal:
    return SageMakerRefusal("ValidationException", 400, text)
