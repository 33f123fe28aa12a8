"""One processing job: its program runs as a process, in a folder that stands for /opt/ml.

There is one host. The image's own program `serve`, which a job may start, is the one that stands in
for the image at an endpoint.
"""

import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lading.emulator.engines.container_process import PORT
from lading.emulator.processes.ports import free_port
from lading.emulator.sagemaker.job_inputs import ImageProgram, fetch_objects
from lading.emulator.sagemaker.job_process import JobProcess
from lading.emulator.sagemaker.job_thread import JobThread
from lading.emulator.sagemaker.training_folder import ROOT, Bucket
from lading.functions.contract.names import CONTAINER


@dataclass
class ProcessingJob:
    """A job, from its request to its end.

    Args:
        name: its name.
        request: its request.
        folder: a folder of its own.
        bucket: the way to S3.
        program: what the image runs to serve a model.
        environment: the variables of its process beside its own.
    """

    name: str
    request: Mapping[str, Any]
    folder: Path
    bucket: Bucket
    program: ImageProgram
    environment: Mapping[str, str] = field(default_factory=dict)
    status: str = "InProgress"
    failure: str = ""
    created: float = field(default_factory=time.time)
    ended: float = 0.0
    _process: JobProcess = field(default_factory=JobProcess)
    _thread: JobThread = field(default_factory=JobThread)

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "log.txt"

    def start(self) -> None:
        """Run in the background."""
        self.folder.mkdir(parents=True)
        self._thread.start(self._run)

    def stop(self) -> None:
        """Stop: SIGTERM, and SIGKILL after the grace period; without waiting."""
        if self.status == "InProgress":
            self.status = "Stopping"
            self._process.stop()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            code = self._execute()
            if self.status == "Stopping":
                self.status = "Stopped"
            elif code:
                self.status, self.failure = "Failed", f"AlgorithmError: {self._last_line()}"
            else:
                self.status = "Completed"
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed
            self.status, self.failure = "Failed", f"InternalServerError: {error!r}"
        self.ended = time.time()

    def _execute(self) -> int | None:
        for each in self.request.get("ProcessingInputs", ()):
            fetch_objects(self.bucket, each["S3Input"], self._place(each["S3Input"]["LocalPath"]))
        outputs = self.request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        for each in outputs:
            self._place(each["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        run = self.request["AppSpecification"]
        words = [*run["ContainerEntrypoint"], *run.get("ContainerArguments", ())]
        words[0] = sys.executable if words[0] in ("python", "python3") else words[0]
        placed = [word.replace(ROOT, str(self._base)) for word in words]
        try:
            return self._process.run(placed, self._variables(), self.log)
        finally:
            for each in outputs:  # what `Continuous` has uploaded by now
                place = self._place(each["S3Output"]["LocalPath"])
                self.bucket.keep(place, each["S3Output"]["S3Uri"].rstrip("/"))

    @property
    def _base(self) -> Path:
        return self.folder / "ml"

    def _place(self, path: str) -> Path:
        """Return the place of a path of the container."""
        return Path(path.replace(ROOT, str(self._base), 1))

    def _variables(self) -> dict[str, str]:
        """Return its variables; the image's program `serve` is found in its PATH."""
        port, programs = str(free_port()), self.folder / "bin"
        programs.mkdir()
        served = self._base / "model"
        program = self.program(self.request["AppSpecification"]["ImageUri"], served)
        words = [shlex.quote(word.replace(PORT, port)) for word in program.command]
        given = [f"export {key}={shlex.quote(text)}" for key, text in program.environment.items()]
        serve = programs / "serve"
        serve.write_text("\n".join(("#!/bin/sh", *given, f"exec {' '.join(words)}", "")))
        serve.chmod(0o755)
        path = self.environment.get("PATH", os.defpath)
        return {
            **self.environment,
            **self.request.get("Environment", {}),
            "PATH": f"{programs}{os.pathsep}{path}",
            CONTAINER.port: port,
        }

    def _last_line(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "it printed nothing"
