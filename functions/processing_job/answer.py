"""Answers the requests of a SageMaker Processing job by the engine of the same container.

    python3 answer.py --model /opt/ml/processing/model --served /opt/ml/model
        --requests /opt/ml/processing/requests --answers /opt/ml/processing/answers
        --content-type application/json

Each file of `requests` is the body of one request. Its answer is `<name>.out` below `answers`, or
`<name>.err` with the reason where the engine refuses it. The engine is what the image starts to
serve: its program `serve`, which finds the model where SageMaker puts it at an endpoint. An engine
that dies is started again. The requests that were under way are then asked one after another, so
that only the one that kills it is refused.

It is one file, and needs the standard library only, since the image's own Python runs it, from 3.10
on.
"""

import argparse
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PORT = "SAGEMAKER_BIND_TO_PORT"
_HOST, _DEFAULT_PORT = "127.0.0.1", "8080"
_THREADS, _TRIES = 8, 3
_START_SECONDS, _ANSWER_SECONDS, _STOP_SECONDS = 1200.0, 600.0, 30.0
_PAUSE, _PING_SECONDS, _TOLD_SECONDS = 0.1, 2.0, 10.0
_OK, _SERVER_ERROR = 200, 500
_MOST_REASON = 2000


class EngineEnded(Exception):
    """The engine does not start, or the job was stopped; nothing more is asked."""


class ServedEngine:
    """The engine's process; it is started when it is needed.

    Args:
        command: what starts it.
        port: where it listens.
    """

    def __init__(self, command: Sequence[str], port: int) -> None:
        self._command, self._port = command, port
        self._process: subprocess.Popen[bytes] | None = None
        self._alone, self._over, self._doubtful = threading.Lock(), "", False

    def ask(self, body: bytes, content_type: str) -> tuple[int, bytes]:
        """Return the status and the body of its answer.

        Raises:
            OSError, http.client.HTTPException: it ended, or hung, before it answered.
            EngineEnded: it does not start.
        """
        with self._alone:
            self._start()
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        try:
            with contextlib.closing(self._connection(_ANSWER_SECONDS)) as connection:
                connection.request("POST", "/invocations", body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._doubtful = True
            raise

    def end(self, reason: str) -> None:
        """End it, for good."""
        self._over = self._over or reason
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        if self._over:
            raise EngineEnded(self._over)
        if self._process is not None and self._is_well(self._process):
            return
        self._process = subprocess.Popen(self._command)
        self._doubtful = False
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            code = self._process.poll()
            if code is not None:
                self._over = self._over or f"the engine ended with code {code} before it was ready"
            elif time.monotonic() > until:
                self.end(f"the engine was not ready within {_START_SECONDS:g} s")
            if self._over:
                raise EngineEnded(self._over)
            time.sleep(_PAUSE)

    def _is_well(self, process: "subprocess.Popen[bytes]") -> bool:
        """Return whether it can be asked.

        After a request that failed it may be about to end, or hang: the next request must not be
        blamed for that.
        """
        until = time.monotonic() + _STOP_SECONDS
        while process.poll() is None:
            if not self._doubtful or self._is_ready():
                self._doubtful = False
                return True
            if time.monotonic() > until:
                process.kill()
                process.wait()
            else:
                time.sleep(_PAUSE)
        return False

    def _is_ready(self) -> bool:
        try:
            with contextlib.closing(self._connection(_PING_SECONDS)) as connection:
                connection.request("GET", "/ping")
                return connection.getresponse().status == _OK
        except (OSError, http.client.HTTPException):
            return False

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(_HOST, self._port, timeout=seconds)


def place_model(model: Path, served: Path) -> None:
    """Put the model where the engine looks for it; an archive is unpacked first."""
    archive = model / "model.tar.gz"
    if archive.exists():
        unpacked = model.with_name(f"{model.name}-unpacked")
        with tarfile.open(archive) as content:
            content.extractall(unpacked, filter="data")
        model = unpacked
    if served.is_dir() and not served.is_symlink():
        served.rmdir()  # the image's, and empty
    served.parent.mkdir(parents=True, exist_ok=True)
    served.symlink_to(model)


def answer(engine: ServedEngine, request: Path, answers: Path, content_type: str) -> bool | None:
    """Answer one request.

    Returns:
        Whether it has an answer; None: the engine died, or hung, by this request or another one.

    Raises:
        EngineEnded: the engine does not start.
    """
    reason = b""
    for _ in range(_TRIES):
        try:
            status, body = engine.ask(request.read_bytes(), content_type)
        except (OSError, http.client.HTTPException):
            return None
        if status == _OK:
            _keep(answers / f"{request.name}.out", body)
            return True
        reason = body[:_MOST_REASON]
        if status < _SERVER_ERROR:
            break
    _keep(answers / f"{request.name}.err", reason)
    return False


def answer_all(
    engine: ServedEngine, requests: Sequence[Path], answers: Path, content_type: str
) -> None:
    """Answer every request, several at a time; those that saw the engine die, one after another.

    Raises:
        EngineEnded: the engine does not start.
    """
    told, good, again = time.monotonic(), 0, []
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda at: answer(engine, at, answers, content_type), requests)
        for done, (request, answered) in enumerate(zip(requests, found, strict=True), 1):
            good += bool(answered)
            if answered is None:
                again.append(request)
            if time.monotonic() - told > _TOLD_SECONDS or done == len(requests):
                sys.stdout.write(f"{done} of {len(requests)} requests, {good} answered\n")
                sys.stdout.flush()
                told = time.monotonic()
    for request in again:
        if answer(engine, request, answers, content_type) is None:
            _keep(answers / f"{request.name}.err", b"the engine ended, or hung, while it answered")


def run(given: argparse.Namespace) -> str:
    """Answer every request; return why the job has failed, empty if it has not."""
    place_model(given.model, given.served)
    given.answers.mkdir(parents=True, exist_ok=True)
    engine = ServedEngine(given.engine.split(), int(os.environ.get(PORT, _DEFAULT_PORT)))
    signal.signal(signal.SIGTERM, lambda *_: engine.end("the job was stopped"))
    requests = sorted(path for path in given.requests.rglob("*") if path.is_file())
    try:
        answer_all(engine, requests, given.answers, given.content_type)
    except EngineEnded as error:
        return str(error)
    finally:
        engine.end("every request was asked")
    return ""


def _keep(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole: SageMaker uploads what it finds."""
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("model", "served", "requests", "answers"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--content-type", required=True)
    parser.add_argument("--engine", default="serve", help="the program of the image")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run(_arguments()) or 0)
