"""One training job: a process under the contract of training containers."""

import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lading.emulator.sagemaker.job_process import STOP_SECONDS, JobProcess
from lading.emulator.sagemaker.job_thread import JobThread
from lading.emulator.sagemaker.training_folder import HOST, Bucket, TrainingFolder


@dataclass
class TrainingJob:
    """A job, from its request to its end.

    There is no container: the script runs with this machine's Python, in a folder that stands for
    /opt/ml. A spot job whose instance is taken away starts again from its checkpoints.

    Args:
        name: its name.
        request: its request.
        folder: a folder of its own.
        bucket: the way to S3.
        environment: the variables of its process beside its own.
    """

    name: str
    request: Mapping[str, Any]
    folder: Path
    bucket: Bucket
    environment: Mapping[str, str] = field(default_factory=dict)
    status: str = "InProgress"
    secondary: str = "Starting"
    failure: str = ""
    model: str = ""
    created: float = field(default_factory=time.time)
    ended: float = 0.0
    attempts: int = 0
    _process: JobProcess = field(default_factory=JobProcess)
    _taken: bool = False
    _thread: JobThread = field(default_factory=JobThread)

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "log.txt"

    @property
    def stream(self) -> str:
        """The name of its log's stream."""
        return f"{self.name}/{HOST}-{int(self.created)}"

    def start(self) -> None:
        """Run in the background."""
        self.folder.mkdir(parents=True)
        self.log.touch()
        self._thread.start(self._run)

    def stop(self, *, grace_seconds: float = STOP_SECONDS) -> None:
        """Stop: SIGTERM, and SIGKILL after the grace period; without waiting."""
        if self.status == "InProgress":
            self.status = self.secondary = "Stopping"
            self._process.stop(grace_seconds)

    def interrupt(self) -> None:
        """Take the spot instance away: the script ends at once, and starts again elsewhere."""
        self._taken = True
        self._process.kill()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def metrics(self) -> dict[str, float]:
        """Return the last number of each metric in the log."""
        text, found = self.log.read_text(encoding="utf-8", errors="replace"), {}
        for each in self.request["AlgorithmSpecification"].get("MetricDefinitions", ()):
            for number in re.findall(each["Regex"], text):
                with suppress(ValueError):
                    found[each["Name"]] = float(number)
        return found

    def _run(self) -> None:
        """Run every attempt: a spot job has several."""
        try:
            while True:
                self._taken = False
                code = self._attempt()
                if not self._taken or self.status != "InProgress":
                    break
                self.secondary = "Interrupted"
            self._finish(code)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed
            self.status, self.failure = "Failed", f"InternalServerError: {error!r}"
        self.secondary, self.ended = self.status, time.time()

    def _attempt(self) -> int:
        self.attempts += 1
        base = self.folder / f"ml-{self.attempts}"
        files = TrainingFolder(base, self.request)
        self.secondary = "Downloading"
        files.prepare(self.bucket)
        self.secondary = "Training"
        try:
            return self._execute(files)
        finally:
            files.keep_checkpoints(self.bucket)

    def _execute(self, files: TrainingFolder) -> int:
        environment = {**self.environment, **self.request.get("Environment", {})}
        code = self._process.run(
            files.command(sys.executable),
            {**environment, "TRAINING_JOB_NAME": self.name},
            self.log,
            self.request["StoppingCondition"]["MaxRuntimeInSeconds"],
        )
        if code is None:
            self.status = "Stopping"
            return 0
        return code

    def _finish(self, code: int) -> None:
        files = TrainingFolder(self.folder / f"ml-{self.attempts}", self.request)
        if self.status == "Stopping":
            self.status = "Stopped"
            return
        if code:
            told = files.failure() or f"exit code {code}"
            self.status, self.failure = "Failed", f"AlgorithmError: {told}"
            return
        self.secondary = "Uploading"
        self.model = files.keep_result(self.bucket, self.name)
        self.status = "Completed"
