"""MiniStack, an emulator of AWS that needs no Docker, and the environment that it runs in.

Its functions run in its own interpreter, so that one is made from the interpreter of this process,
which is what `cdk -c local=true` builds their code for.
"""

import http.client
import os
import time
from collections.abc import Mapping
from pathlib import Path

from lading.emulator.checkout import checkout_file
from lading.emulator.errors import CloudUnavailable, ToolUnavailable
from lading.emulator.processes.child import Child
from lading.emulator.processes.own_environment import own_environment
from lading.emulator.processes.ports import free_port

ACCOUNT = "000000000000"
"""The only account whose API answers."""

REGION = "us-east-1"

_HOST = "127.0.0.1"
_HEALTH = "/_localstack/health"
_START_SECONDS = 60.0
_OK = 200


def environment_folder(tools: Path, log: Path) -> Path:
    """The virtual environment of MiniStack below `tools`, made unless it is there as locked.

    Raises:
        CloudUnavailable: it cannot be made.
    """
    try:
        return own_environment(tools / "venv", checkout_file("requirements/emulate.txt"), log)
    except ToolUnavailable as error:
        raise CloudUnavailable("MiniStack cannot be installed", log) from error


class MiniStack:
    """A running MiniStack on a free port of this machine, empty at first.

    Args:
        python: interpreter of its environment.
        folder: for its temporary files.
        log: file that it and its functions write to.
    """

    def __init__(self, python: Path, folder: Path, log: Path) -> None:
        self.port = free_port()
        self._log = log
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            [str(python), "-m", "ministack"],
            environment=_environment(python, folder, temporary, self.port),
            folder=folder,
            log=log,
        )

    @property
    def endpoint(self) -> str:
        """What AWS's clients take as endpoint; the CDK understands the name alone."""
        return f"http://localhost:{self.port}"

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            CloudUnavailable: it ended, or does not come to it.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._child.ended or time.monotonic() > deadline:
                self._child.end()
                raise CloudUnavailable("MiniStack does not start", self._log)
            time.sleep(0.1)

    def require_running(self) -> None:
        """Refuse to go on without it.

        Raises:
            CloudUnavailable: it has ended.
        """
        if self._child.ended:
            raise CloudUnavailable("MiniStack has ended", self._log)

    def end(self) -> None:
        """End it and all of its functions."""
        self._child.end()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(_HOST, self.port, timeout=5)
        try:
            connection.request("GET", _HEALTH)
            return connection.getresponse().status == _OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def dummy_credentials() -> Mapping[str, str]:
    """What AWS's clients need so as not to look for more; MiniStack checks none of it."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _environment(python: Path, folder: Path, temporary: Path, port: int) -> Mapping[str, str]:
    """Nothing of this process's own: the functions get all of it."""
    return {
        "PATH": f"{python.parent}{os.pathsep}{os.defpath}",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_REGION": REGION,
        "S3_DATA_DIR": str(folder / "s3"),
        "PYTHONUNBUFFERED": "1",
        **dummy_credentials(),
    }
