"""The operations on batch and processing jobs of the emulated API, and on models."""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from lading.emulator.sagemaker.job_inputs import ImageProgram
from lading.emulator.sagemaker.processing_job import ProcessingJob
from lading.emulator.sagemaker.refusals import ACCOUNT, SageMakerRefusal
from lading.emulator.sagemaker.training_folder import Bucket
from lading.emulator.sagemaker.transform_job import TransformJob

_ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_PAGE = 10
_MOST_PAYLOAD = 100
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "Transform": ("ModelName", "TransformInput", "TransformOutput", "TransformResources"),
    "Processing": ("RoleArn", "AppSpecification", "ProcessingResources"),
}

Request = Mapping[str, Any]


class CloudJob(Protocol):
    """A job that was started."""

    name: str
    request: Request
    status: str
    failure: str
    created: float
    ended: float

    def start(self) -> None:
        """Run in the background."""

    def stop(self) -> None:
        """Stop, without waiting."""

    def join(self) -> None:
        """Wait for its end."""


class BatchJobs:
    """The models that were created, and the jobs that were started.

    Args:
        folder: the folder of the jobs.
        bucket: the way to S3.
        environment: the variables of the processes of processing jobs.
        program: what stands in for an image.
    """

    def __init__(
        self, folder: Path, bucket: Bucket, environment: Mapping[str, str], program: ImageProgram
    ) -> None:
        self.models: dict[str, Request] = {}
        self.jobs: dict[str, dict[str, CloudJob]] = {"Transform": {}, "Processing": {}}
        self._folder, self._bucket, self._environment = folder, bucket, environment
        self._program, self._alone = program, threading.Lock()

    def stop_all(self) -> None:
        """Stop every job, and wait for its end."""
        for job in [job for jobs in self.jobs.values() for job in jobs.values()]:
            job.stop()
            job.join()

    def create_model(self, request: Request) -> dict[str, Any]:
        """Keep a model."""
        name = str(request.get("ModelName"))
        self.models[name] = request
        return {"ModelArn": f"{_ARN}:model/{name}"}

    def create(self, kind: str, request: Request) -> dict[str, Any]:
        """Start a job.

        Raises:
            SageMakerRefusal: the request is not valid, or its name is taken.
        """
        name, jobs = str(request.get(f"{kind}JobName")), self.jobs[kind]
        with self._alone:
            if not _NAME.fullmatch(name):
                raise _invalid(f"'{name[:80]}' is not a valid {kind}JobName")
            if name in jobs:
                raise SageMakerRefusal("ResourceInUse", 400, f"{name} already exists")
            for key in _NEEDED[kind]:
                if key not in request:
                    raise _invalid(f"1 validation error detected: {key} must not be null")
            make = self._transform if kind == "Transform" else self._processing
            job = jobs[name] = make(name, request)
        job.start()
        return {f"{kind}JobArn": _arn(kind, name)}

    def describe(self, kind: str, request: Request) -> dict[str, Any]:
        """Return the request of a job, and its state."""
        job = self._find(kind, request)
        described = {key: value for key, value in job.request.items() if key != "Tags"}
        described |= {f"{kind}JobArn": _arn(kind, job.name), **_state(kind, job)}
        if job.failure:
            described["FailureReason"] = job.failure
        return {**described, f"{kind}StartTime": job.created}

    def stop(self, kind: str, request: Request) -> dict[str, Any]:
        """Stop a job."""
        self._find(kind, request).stop()
        return {}

    def list_page(self, kind: str, request: Request) -> dict[str, Any]:
        """Return a page of the jobs whose names contain a text, the newest first."""
        text = str(request.get("NameContains", ""))
        found = [job for job in self.jobs[kind].values() if text in job.name]
        found.sort(key=lambda job: job.created, reverse=True)
        first = int(str(request.get("NextToken", "0")))
        after = first + int(request.get("MaxResults", _PAGE))
        listed = [
            {f"{kind}JobName": job.name, f"{kind}JobArn": _arn(kind, job.name), **_state(kind, job)}
            for job in found[first:after]
        ]
        page: dict[str, Any] = {f"{kind}JobSummaries": listed}
        return {**page, "NextToken": str(after)} if after < len(found) else page

    def _transform(self, name: str, request: Request) -> CloudJob:
        model = self.models.get(str(request["ModelName"]))
        if model is None:
            raise _invalid(f'Could not find model "{request["ModelName"]}".')
        if "ModelDataUrl" not in model["PrimaryContainer"]:
            raise _invalid("Batch transform accepts no model with a ModelDataSource")
        payload = request.get("MaxPayloadInMB", 6) * request.get("MaxConcurrentTransforms", 1)
        if payload > _MOST_PAYLOAD:
            raise _invalid("MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB")
        return TransformJob(name, request, self._folder / name, self._bucket, self._program, model)

    def _processing(self, name: str, request: Request) -> CloudJob:
        for each in request.get("ProcessingInputs", ()):
            if not each["S3Input"]["LocalPath"].startswith("/opt/ml/processing/"):
                raise _invalid("LocalPath must begin with /opt/ml/processing/")
        folder, environment = self._folder / name, self._environment
        return ProcessingJob(name, request, folder, self._bucket, self._program, environment)

    def _find(self, kind: str, request: Request) -> CloudJob:
        name = str(request.get(f"{kind}JobName"))
        if name not in self.jobs[kind]:
            raise _invalid(f"Could not find requested job with name: {name[:63]}")
        return self.jobs[kind][name]


def _state(kind: str, job: CloudJob) -> dict[str, Any]:
    state = {f"{kind}JobStatus": job.status, "CreationTime": job.created}
    return {**state, f"{kind}EndTime": job.ended} if job.ended else state


def _arn(kind: str, name: str) -> str:
    return f"{_ARN}:{kind.lower()}-job/{name}"


def _invalid(text: str) -> SageMakerRefusal:
    return SageMakerRefusal("ValidationException", 400, text)
