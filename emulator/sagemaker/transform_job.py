"""One job of SageMaker's Batch Transform: a container that really answers each object.

As in SageMaker, an object that the container refuses gets no answer, the others get theirs, and the
job has failed at the end.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from lading.emulator.engines.container_process import EngineProcess
from lading.emulator.engines.model_archive import unpacked_model
from lading.emulator.errors import ContainerError, ExchangeBroken
from lading.emulator.processes.http_exchange import exchange
from lading.emulator.sagemaker.job_inputs import ImageProgram, fetch_objects
from lading.emulator.sagemaker.job_thread import JobThread
from lading.emulator.sagemaker.training_folder import Bucket

_MEGABYTE = 1 << 20
_SERVER_ERROR = 500
_LOGS = "See job logs for more information"


@dataclass
class TransformJob:
    """A job, from its request to its end.

    Args:
        name: its name.
        request: its request.
        folder: a folder of its own.
        bucket: the way to S3.
        program: what the model's image runs.
        model: the request that created the model.
    """

    name: str
    request: Mapping[str, Any]
    folder: Path
    bucket: Bucket
    program: ImageProgram
    model: Mapping[str, Any]
    status: str = "InProgress"
    failure: str = ""
    created: float = field(default_factory=time.time)
    ended: float = 0.0
    _thread: JobThread = field(default_factory=JobThread)

    def start(self) -> None:
        """Run in the background."""
        self.folder.mkdir(parents=True)
        self._thread.start(self._run)

    def stop(self) -> None:
        """Stop after the requests under way, without waiting."""
        if self.status == "InProgress":
            self.status = "Stopping"

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._answer())
            if self.status == "Stopping":
                self.status = "Stopped"
            else:
                self.status = "Failed" if self.failure else "Completed"
        except ContainerError as error:
            self.status, self.failure = "Failed", f"AlgorithmError: {error}"
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed
            self.status, self.failure = "Failed", f"InternalServerError: {error!r}"
        self.ended = time.time()

    async def _answer(self) -> None:
        container = self.model["PrimaryContainer"]
        given, requests = self.folder / "archive", self.folder / "requests"
        self.bucket.fetch(container["ModelDataUrl"], given)
        model = unpacked_model(given, self.folder / "model")
        source = self.request["TransformInput"]["DataSource"]["S3DataSource"]
        names = iter(fetch_objects(self.bucket, source, requests))
        engine = EngineProcess(
            self.name, self.program(container["Image"], model), self.folder / "log.txt"
        )
        await engine.start()
        try:
            many = self.request.get("MaxConcurrentTransforms", 1)
            await asyncio.gather(*(self._take(engine, names) for _ in range(many)))
        finally:
            await engine.stop()

    async def _take(self, engine: EngineProcess, names: Iterator[str]) -> None:
        """Answer objects until there are none left."""
        for name in names:
            if self.status != "InProgress":
                return
            body = (self.folder / "requests" / name).read_bytes()
            if len(body) > self.request.get("MaxPayloadInMB", 6) * _MEGABYTE:
                self.failure = f"ClientError: {_LOGS}"
                continue
            answer = await self._ask(engine, body)
            if answer is not None:
                await asyncio.to_thread(self._keep, name, answer)

    async def _ask(self, engine: EngineProcess, body: bytes) -> bytes | None:
        """Return the container's answer; None if it gives none, as often as it may be asked."""
        headers = {
            "Content-Type": self.request["TransformInput"]["ContentType"],
            "Accept": self.request["TransformOutput"].get("Accept", "*/*"),
        }
        retries = self.request.get("ModelClientConfig", {}).get("InvocationsMaxRetries", 0)
        status = _SERVER_ERROR
        for _ in range(1 + retries):
            try:
                where = await engine.address()
                async with exchange(where, "POST", "/invocations", headers, body) as reply:
                    status, content = reply.status, await reply.body()
            except ExchangeBroken:
                await engine.check()
                status = _SERVER_ERROR
            if status == HTTPStatus.OK:
                return content
            if status < _SERVER_ERROR:
                break
        blamed = "AlgorithmError" if status >= _SERVER_ERROR else "ClientError"
        self.failure = f"{blamed}: {_LOGS}"
        return None

    def _keep(self, name: str, answer: bytes) -> None:
        folder = self.folder / "answers" / name
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.out").write_bytes(answer)
        below = name.rpartition("/")[0]
        place = self.request["TransformOutput"]["S3OutputPath"].rstrip("/")
        self.bucket.keep(folder, f"{place}/{below}".rstrip("/"))
