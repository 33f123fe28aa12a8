"""MiniStack, an AWS emulator that needs no Docker, in a separate environment.

Its functions run in its own interpreter. Where this machine has the Python of Lambda, the
environment is made with that, and the functions run the layers that would be deployed. Otherwise it
is made with the interpreter of this process, for which `cdk -c local=true` then builds their code.
"""

import asyncio
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from lading.emulator.checkout import packaged_file
from lading.emulator.errors import CloudUnavailable, ToolUnavailable
from lading.emulator.processes.child import Child
from lading.emulator.processes.http_exchange import Address, answers_ok
from lading.emulator.processes.own_environment import own_environment
from lading.emulator.processes.ports import free_port

ACCOUNT = "000000000000"
"""The only account whose API answers."""

REGION = "us-east-1"

NO_ENDPOINTS: Mapping[str, str] = MappingProxyType({})
_HOST = "127.0.0.1"
_HEALTH = "/_localstack/health"
_PROBE_SECONDS, _START_SECONDS = 5.0, 60.0


def environment_folder(tools: Path, log: Path, lambda_python: Path | None = None) -> Path:
    """Return MiniStack's virtual environment below `tools`; make it unless it matches the lock.

    Args:
        tools: folder of the environments.
        log: file to which pip's output is appended.
        lambda_python: an interpreter of Lambda's Python version; None: that of this process.

    Raises:
        CloudUnavailable: it cannot be made.
    """
    try:
        requirements = packaged_file("requirements/emulate.txt")
        if lambda_python is None:
            return own_environment(tools / "venv", requirements, log)
        folder = tools / "venv-lambda"
        return own_environment(folder, requirements, log, interpreter=lambda_python)
    except ToolUnavailable as error:
        raise CloudUnavailable("MiniStack cannot be installed", log) from error


class MiniStack:
    """A running MiniStack on a free port of this machine; it starts empty.

    Args:
        python: interpreter of its environment.
        folder: folder of its temporary files.
        log: file to which it and its functions write.
        endpoints: variables of endpoints that are not MiniStack's, for its functions.
    """

    def __init__(
        self, python: Path, folder: Path, log: Path, endpoints: Mapping[str, str] = NO_ENDPOINTS
    ) -> None:
        self.port = free_port()
        self._log = log
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            [str(python), "-P", str(Path(__file__).with_name("weighted_ministack.py"))],
            environment={**_environment(python, folder, temporary, self.port), **endpoints},
            folder=folder,
            log=log,
        )

    @property
    def endpoint(self) -> str:
        """The endpoint URL for AWS's clients; the CDK accepts only the name `localhost`."""
        return f"http://localhost:{self.port}"

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            CloudUnavailable: it ended, or does not answer in time.
        """
        probe = partial(answers_ok, Address(_HOST, self.port), _HEALTH, _PROBE_SECONDS)
        if not asyncio.run(self._child.ready(probe, _START_SECONDS)):
            self._child.end()
            raise CloudUnavailable("MiniStack does not start", self._log)

    def require_running(self) -> None:
        """Check that it still runs.

        Raises:
            CloudUnavailable: it has ended.
        """
        if self._child.ended:
            raise CloudUnavailable("MiniStack has ended", self._log)

    def end(self) -> None:
        """End it and all of its functions."""
        self._child.end()


def dummy_credentials() -> Mapping[str, str]:
    """Return variables that keep AWS's clients from real credentials; MiniStack checks none."""
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
    """MiniStack's variables, which its functions inherit; none of this process."""
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
