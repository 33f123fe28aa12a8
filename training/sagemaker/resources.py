"""The boundary to sagemaker-core: its typed resources, and nothing else of the `sagemaker` package.

Resources use one boto3 session of ours, so they follow AWS_ENDPOINT_URL. They ask neither STS nor
IAM, and send no telemetry: that is in the package's higher layers, which are not imported.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lading.model_packaging.errors import Place
from lading.model_packaging.store.s3_refusals import refusal
from lading.training.errors import CloudRefused


@dataclass(frozen=True)
class Resources:
    """The way to SageMaker and to the logs of its jobs.

    Args:
        place: what needs them, in the manifest.
        region: the AWS Region.
    """

    place: Place
    region: str

    def create_job(self, name: str, hyperparameters: dict[str, str], request: Any) -> Any:
        """Create a training job; return its `TrainingJob`."""
        with self._explained():
            core = self._core.TrainingJob
            return core.create(
                training_job_name=name,
                hyper_parameters=hyperparameters,
                session=self._session,
                region=self.region,
                **self._typed("CreateTrainingJobRequest", request),
            )

    def create_tuning(self, name: str, request: Any) -> Any:
        """Create a tuning job; return its `HyperParameterTuningJob`."""
        with self._explained():
            core = self._core.HyperParameterTuningJob
            return core.create(
                hyper_parameter_tuning_job_name=name,
                session=self._session,
                region=self.region,
                **self._typed("CreateHyperParameterTuningJobRequest", request),
            )

    def trials(self, tuning: Any) -> list[Any]:
        """Return the `HyperParameterTrainingJobSummary` of each trial, in the order of names."""
        with self._explained():
            return list(tuning.get_all_training_jobs(session=self._session, region=self.region))

    def job(self, name: str) -> Any:
        """Return the `TrainingJob` of this name."""
        with self._explained():
            core = self._core.TrainingJob
            return core.get(training_job_name=name, session=self._session, region=self.region)

    def refresh(self, resource: Any) -> None:
        """Read the state of a resource again."""
        with self._explained():
            resource.refresh()

    def stop(self, resource: Any) -> None:
        """Stop a job, unless it has ended."""
        with self._explained():
            resource.stop()

    def log_lines(self, job: str, seen: dict[str, str]) -> Iterator[str]:
        """Yield the new lines of a job's log.

        Args:
            job: the name of the job.
            seen: the position in each stream; it is moved on.
        """
        from botocore.exceptions import ClientError

        client = self._logs
        group = "/aws/sagemaker/TrainingJobs"
        with self._explained():
            try:
                found = client.describe_log_streams(
                    logGroupName=group, logStreamNamePrefix=f"{job}/"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    return  # the job has not started
                raise
            for stream in found["logStreams"]:
                yield from self._events(group, stream["logStreamName"], seen)

    def _events(self, group: str, stream: str, seen: dict[str, str]) -> Iterator[str]:
        while True:
            position = {"nextToken": seen[stream]} if stream in seen else {}
            page = self._logs.get_log_events(
                logGroupName=group, logStreamName=stream, startFromHead=True, **position
            )
            yield from (event["message"] for event in page["events"])
            if page["nextForwardToken"] == seen.get(stream):
                return
            seen[stream] = page["nextForwardToken"]

    def _typed(self, shape: str, request: Any) -> dict[str, Any]:
        """Return a request as sagemaker-core's types, by its names of their fields."""
        typed: dict[str, Any] = self._core.transform(request, shape)
        return typed

    @cached_property
    def _core(self) -> Any:
        try:
            from sagemaker.core import resources
        except ImportError as error:
            reason = f"needs sagemaker-core ({error}); install it with pip install 'lading[train]'"
            raise CloudRefused(self.place, reason) from None
        return resources

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session(region_name=self.region)

    @cached_property
    def _logs(self) -> Any:
        return self._session.client("logs")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            answer = error.response["Error"]
            reason = f"SageMaker answered {answer.get('Code')}: {answer.get('Message')}"
            raise CloudRefused(self.place, reason) from error
        except BotoCoreError as error:
            raise CloudRefused(self.place, f"SageMaker {refusal(error, '')}") from error
