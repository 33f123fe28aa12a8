"""The job API of SageMaker on this machine: jobs and searches that really run, and logs.

An ASGI application that answers the operations of the `sagemaker` and `logs` APIs which a client
needs to train, or to run a batch: an unmodified boto3 and sagemaker-core work with it. Signatures
are not checked.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lading.emulator.sagemaker.answer import EmulatedAnswer
from lading.emulator.sagemaker.batch_jobs import BatchJobs
from lading.emulator.sagemaker.job_inputs import ImageProgram, own_container
from lading.emulator.sagemaker.refusals import ACCOUNT, SageMakerRefusal, document_of
from lading.emulator.sagemaker.training_folder import Bucket
from lading.emulator.sagemaker.training_job import TrainingJob
from lading.emulator.sagemaker.tuning import Tunings
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers

_ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_MOST_BODY = 1 << 20
_PAGE = 1000

Operation = Callable[["TrainingApi", Mapping[str, Any]], dict[str, Any]]


class TrainingApi:
    """The API, and the jobs that it has started.

    Args:
        folder: the folder of the jobs.
        bucket: the way to S3.
        environment: the variables of the jobs' processes.
        program: what stands in for the image of a model.
    """

    def __init__(
        self,
        folder: Path,
        bucket: Bucket,
        environment: Mapping[str, str],
        program: ImageProgram = own_container,
    ) -> None:
        self.jobs: dict[str, TrainingJob] = {}
        self.tunings = Tunings(self.create, _check)
        self.batches = BatchJobs(folder / "batches", bucket, environment, program)
        self._folder, self._bucket, self._environment = folder, bucket, environment
        self._alone = threading.Lock()

    def stop(self) -> None:
        """End every job at once."""
        self.tunings.stop_all()
        self.batches.stop_all()
        for job in list(self.jobs.values()):
            job.stop(grace_seconds=0)
            job.join()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        answer = EmulatedAnswer(send)
        target = read_headers(scope["headers"]).get("x-amz-target", "")
        try:
            document = document_of(await _read(receive))
            await answer.whole(200, {}, json.dumps(_operation(target)(self, document)))
        except SageMakerRefusal as refused:
            await answer.refuse(refused)

    def create(self, request: Mapping[str, Any]) -> TrainingJob:
        """Start a job.

        Raises:
            SageMakerRefusal: the request is not valid, or its name is taken.
        """
        name = str(request.get("TrainingJobName"))
        with self._alone:
            if not _NAME.fullmatch(name):
                raise _invalid(f"'{name[:80]}' is not a valid TrainingJobName")
            if name in self.jobs:
                raise SageMakerRefusal("ResourceInUse", 400, f"{name} already exists")
            _check(request)
            job = TrainingJob(name, request, self._folder / name, self._bucket, self._environment)
            self.jobs[name] = job
        job.start()
        return job

    def find(self, request: Mapping[str, Any]) -> TrainingJob:
        """Return the job that a request names."""
        name = str(request.get("TrainingJobName"))
        if name not in self.jobs:
            raise _invalid(f"Requested resource not found: {name[:63]}")
        return self.jobs[name]


def _create(api: TrainingApi, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"TrainingJobArn": _arn(api.create(request))}


def _stop(api: TrainingApi, request: Mapping[str, Any]) -> dict[str, Any]:
    api.find(request).stop()
    return {}


def _describe(api: TrainingApi, request: Mapping[str, Any]) -> dict[str, Any]:
    return describe(api.find(request))


def describe(job: TrainingJob) -> dict[str, Any]:
    """Return a job as DescribeTrainingJob does."""
    described: dict[str, Any] = {
        **{key: value for key, value in job.request.items() if key != "Tags"},
        "TrainingJobArn": _arn(job),
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
        "CreationTime": job.created,
        "LastModifiedTime": job.ended or job.created,
        "FinalMetricDataList": [
            {"MetricName": name, "Value": value, "Timestamp": job.ended or job.created}
            for name, value in job.metrics().items()
        ],
    }
    if job.failure:
        described["FailureReason"] = job.failure
    if job.model:
        described["ModelArtifacts"] = {"S3ModelArtifacts": job.model}
    if job.ended:
        seconds = int(job.ended - job.created)
        times = {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        described |= {"TrainingEndTime": job.ended, "TrainingStartTime": job.created, **times}
    return described


def _streams(api: TrainingApi, request: Mapping[str, Any]) -> dict[str, Any]:
    prefix = str(request.get("logStreamNamePrefix", ""))
    names = [job.stream for job in api.jobs.values() if job.stream.startswith(prefix)]
    return {"logStreams": [{"logStreamName": name} for name in names]}


def _events(api: TrainingApi, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of complete lines; the token is the number of the lines before the next."""
    streams = {job.stream: job for job in api.jobs.values()}
    job = streams.get(str(request.get("logStreamName")))
    if job is None:
        raise SageMakerRefusal("ResourceNotFoundException", 400, "The log stream does not exist.")
    first = int(str(request.get("nextToken", "f/0")).removeprefix("f/"))
    text = job.log.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines() if job.ended else text[: text.rfind("\n") + 1].splitlines()
    page = lines[first : first + _PAGE]
    at = int(job.created * 1000)
    events = [{"timestamp": at, "ingestionTime": at, "message": line} for line in page]
    ahead = f"f/{first + len(page)}"
    return {"events": events, "nextForwardToken": ahead, "nextBackwardToken": f"b/{first}"}


def _of_batches(
    method: Callable[[BatchJobs, str, Mapping[str, Any]], dict[str, Any]], kind: str
) -> Operation:
    return lambda api, request: method(api.batches, kind, request)


OPERATIONS: Mapping[str, Operation] = {
    "SageMaker.CreateTrainingJob": _create,
    "SageMaker.DescribeTrainingJob": _describe,
    "SageMaker.StopTrainingJob": _stop,
    "SageMaker.CreateHyperParameterTuningJob": lambda api, request: api.tunings.create(request),
    "SageMaker.DescribeHyperParameterTuningJob": lambda api, request: api.tunings.describe(request),
    "SageMaker.StopHyperParameterTuningJob": lambda api, request: api.tunings.stop(request),
    "SageMaker.ListTrainingJobsForHyperParameterTuningJob": (
        lambda api, request: api.tunings.trials(request)
    ),
    "SageMaker.CreateModel": lambda api, request: api.batches.create_model(request),
    **{
        f"SageMaker.{verb}{kind}Job{plural}": _of_batches(method, kind)
        for kind in ("Transform", "Processing")
        for verb, plural, method in (
            ("Create", "", BatchJobs.create),
            ("Describe", "", BatchJobs.describe),
            ("Stop", "", BatchJobs.stop),
            ("List", "s", BatchJobs.list_page),
        )
    },
    "Logs_20140328.DescribeLogStreams": _streams,
    "Logs_20140328.GetLogEvents": _events,
}
"""The operations by the header X-Amz-Target."""


def _operation(target: str) -> Operation:
    if target not in OPERATIONS:
        text = f"{target[:100]} is not supported"
        raise SageMakerRefusal("UnknownOperationException", 400, text)
    return OPERATIONS[target]


def _check(request: Mapping[str, Any]) -> None:
    """Refuse what SageMaker would refuse of a job's request."""
    needed = ("RoleArn", "AlgorithmSpecification", "OutputDataConfig", "StoppingCondition")
    for key in (*needed, "ResourceConfig"):
        if key not in request:
            raise _invalid(f"1 validation error detected: {key} must not be null")
    stopping = request["StoppingCondition"]
    if request.get("EnableManagedSpotTraining"):
        longest, waiting = (
            stopping.get(key, 0) for key in ("MaxRuntimeInSeconds", "MaxWaitTimeInSeconds")
        )
        if waiting < longest:
            raise _invalid("MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds")
    elif "MaxWaitTimeInSeconds" in stopping:
        raise _invalid("MaxWaitTimeInSeconds is only for managed spot training")


def _arn(job: TrainingJob) -> str:
    return f"{_ARN}:training-job/{job.name}"


def _invalid(text: str) -> SageMakerRefusal:
    return SageMakerRefusal("ValidationException", 400, text)


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body = (body + message.get("body", b""))[: _MOST_BODY + 1]
        if not message.get("more_body", False):
            break
    if len(body) > _MOST_BODY:
        raise _invalid(f"the request exceeds {_MOST_BODY} bytes")
    return body
