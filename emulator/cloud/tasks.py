"""Plays the tasks of state machines that MiniStack cannot run: builds and training jobs.

In an emulated account, such a task is a message with a task token in a queue, one for each state
machine. This program takes the messages, does the work, and answers with what the task would have
returned in AWS: a build's commands run, and a training job's script trains.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

from lading.emulator.cloud.builds import Builder
from lading.emulator.sagemaker.refusals import SageMakerRefusal
from lading.emulator.sagemaker.training import TrainingApi, describe
from lading.emulator.sagemaker.training_bucket import S3Bucket

_WAIT_SECONDS = 1
_LONGEST_CAUSE = 32_000

Client = Callable[[str], Any]
"""Returns boto3's client of a service in the emulated account."""


def account_client(environment: Mapping[str, str]) -> Client:
    """Return what returns the clients of the emulated account that these variables lead to."""
    from boto3.session import Session

    session: Any = Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:  # a session may not create clients in several threads at once
            return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])

    return client


@contextmanager
def playing(environment: Mapping[str, str], folder: Path, prefix: str) -> Iterator[None]:
    """Play the tasks of every queue whose name starts with `prefix`, while the block runs.

    Args:
        environment: variables that lead AWS's clients to the emulated account.
        folder: the folder of builds and jobs.
        prefix: the start of the queues' names.
    """
    client = account_client(environment)
    queues = client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", ())
    with TaskPlayer(client, folder.resolve(), environment, queues):
        yield


class TaskFailed(Exception):
    """The job of a task has failed; its text is the cause that Step Functions would state."""


@dataclass
class TaskPlayer:
    """Takes tasks from queues until it is stopped; used as a context.

    Args:
        client: returns a client of the emulated account.
        folder: the folder of builds and jobs.
        environment: variables that lead AWS's clients to the emulated account.
        queues: the queues' URLs.
    """

    client: Client
    folder: Path
    environment: Mapping[str, str]
    queues: Sequence[str]
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        s3 = self.client("s3")
        self._jobs = TrainingApi(self.folder / "training", S3Bucket(s3), self.environment)
        self._builder = Builder(
            self.client("codebuild"), s3, self.folder / "builds", self.environment
        )

    def __enter__(self) -> Self:
        for url in self.queues:
            thread = threading.Thread(target=self._take, args=(url,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._jobs.stop()
        for thread in self._threads:
            thread.join()

    def _take(self, url: str) -> None:
        queue, states = self.client("sqs"), self.client("stepfunctions")
        while not self._ended.is_set():
            found = queue.receive_message(
                QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=_WAIT_SECONDS
            )
            for message in found.get("Messages", ()):
                queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                self._answer(states, json.loads(message["Body"]))

    def _answer(self, states: Any, task: Mapping[str, Any]) -> None:
        """Do the work, and tell the state machine, unless its execution has ended meanwhile."""
        from botocore.exceptions import ClientError

        token = task["TaskToken"]
        with suppress(ClientError):
            try:
                found = self.play(task["Resource"], task["Arguments"])
            except TaskFailed as failed:
                cause = str(failed)[:_LONGEST_CAUSE]
                states.send_task_failure(taskToken=token, error="States.TaskFailed", cause=cause)
            else:
                states.send_task_success(taskToken=token, output=json.dumps(found))

    def play(self, resource: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do the work of one task; return its result.

        Raises:
            TaskFailed: it has failed, or the request is not valid.
        """
        if resource.endswith(":codebuild:startBuild.sync"):
            build = self._build(arguments)
            if build["BuildStatus"] != "SUCCEEDED":
                raise TaskFailed(json.dumps(build))
            return {"Build": build}
        if resource.endswith(":sagemaker:createTrainingJob.sync"):
            return self._train(arguments)
        raise TaskFailed(f"{resource} is not emulated")

    def _build(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            return self._builder.run(arguments, next(self._numbers))
        except (ClientError, BadZipFile, OSError, KeyError, ValueError) as error:
            raise TaskFailed(f"the build cannot start: {error}") from error

    def _train(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            job = self._jobs.create(arguments)
        except SageMakerRefusal as refused:
            raise TaskFailed(str(refused)) from refused
        job.join()
        described = describe(job)
        if job.status != "Completed":
            raise TaskFailed(json.dumps(described))
        return described
