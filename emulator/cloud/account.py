"""An AWS on this machine, into which the very stacks deploy that go to the real one."""

import contextlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lading.emulator.checkout import CODE, checkout_file
from lading.emulator.cloud.cdk import Cdk, find_cdk
from lading.emulator.cloud.ministack import (
    ACCOUNT,
    REGION,
    MiniStack,
    dummy_credentials,
    environment_folder,
)
from lading.emulator.errors import DeploymentFailed
from lading.emulator.processes.child import tether

TOOLS = CODE / ".lading" / "emulate"
"""Where MiniStack and the CDK's command are kept, once installed."""

Outputs = Mapping[str, Mapping[str, str]]
"""Stack -> its outputs."""

_API = re.compile(r"https://([a-z0-9]+)\.execute-api\.[^/]+/([^/]+)/?")


class EmulatedCloud:
    """MiniStack, and the CDK that deploys into it; all of it is gone on leaving.

    Args:
        folder: for logs and temporary files.
        tell: told of each step that takes its time.
        project: where app.py is.
        tools: where MiniStack and the CDK's command are, or are installed to.
    """

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None] = lambda _: None,
        *,
        project: Path = CODE,
        tools: Path = TOOLS,
    ) -> None:
        self.folder = folder.resolve()
        self._tell, self._project, self._tools = tell, project, tools.resolve()
        self._run = self.folder / f"run-{os.getpid()}"
        self._log = self.folder / "cdk.log"
        self.log = self.folder / "ministack.log"

    def __enter__(self) -> Self:
        checkout_file("app.py")  # before anything is written below it
        for folder in (self.folder, self._tools):
            folder.mkdir(parents=True, exist_ok=True)
        _sweep(self.folder)
        self._run.mkdir()
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self._run, ignore_errors=True)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ministack.end()
        shutil.rmtree(self._run, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        """The URL of every service of AWS."""
        return self._ministack.endpoint

    @property
    def scratch(self) -> Path:
        """A folder that goes with the cloud."""
        return self._run

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lead AWS's clients here, and to nothing else."""
        return {**dummy_credentials(), "AWS_ENDPOINT_URL": self.endpoint}

    def bootstrap(self) -> None:
        """Prepare the account for the CDK.

        Raises:
            DeploymentFailed: that did not work.
        """
        self._tell("cdk bootstrap")
        arguments = ["bootstrap", f"aws://{ACCOUNT}/{REGION}"]
        self._cdk_run(arguments, self._run)  # no cdk.json there, so that nothing is synthesised

    def deploy(self, context: Mapping[str, str]) -> Outputs:
        """Deploy every stack.

        Args:
            context: what app.py reads: the stage, and the files of models and settings.

        Raises:
            DeploymentFailed: the stacks cannot be made, or not be deployed.
        """
        self._tell("cdk deploy --all")
        outputs = self._run / "outputs.json"
        arguments = ["deploy", "--all", "--require-approval", "never", "--progress", "events"]
        arguments += ["--app", _app(), "--output", str(self._run / "cdk.out")]
        arguments += ["--outputs-file", str(outputs), "--context", "local=true"]
        for key, value in context.items():
            arguments += ["--context", f"{key}={value}"]
        self._cdk_run(arguments, self._project)
        written: Outputs = json.loads(outputs.read_text())
        return written

    def api_url(self, said: str) -> str:
        """Where an API answers here, from what its stack says is its URL.

        Raises:
            DeploymentFailed: it says something else.
        """
        found = _API.fullmatch(said)
        if found is None:
            raise DeploymentFailed(f"'{said}' is no API's URL", self._log)
        return f"{self.endpoint}/restapis/{found[1]}/{found[2]}/_user_request_"

    def _start(self) -> None:
        installing = self.folder / "install.log"
        installing.unlink(missing_ok=True)
        self._tell("MiniStack and the CDK's command (the first time, they are installed)")
        python = environment_folder(self._tools, installing)
        self._cdk: Cdk = find_cdk(self._project, self._tools, python, installing)
        for old in (self.log, self._log):
            old.unlink(missing_ok=True)
        self._ministack = MiniStack(python / "bin" / "python", self._run, self.log)
        self._ministack.wait()

    def require_running(self) -> None:
        """Refuse to go on without the cloud.

        Raises:
            CloudUnavailable: it has ended.
        """
        self._ministack.require_running()

    def _cdk_run(self, arguments: list[str], folder: Path) -> None:
        self.require_running()
        before = self._log.stat().st_size if self._log.exists() else 0
        inherited = {key: value for key, value in os.environ.items() if key[:4] != "AWS_"}
        environment = {**inherited, **self.environment, "CDK_HOME": str(self._run)}
        status = self._cdk.run(arguments, environment=environment, folder=folder, log=self._log)
        if status != 0:
            raise DeploymentFailed(_reason(self._log, before), self._log)


def _app() -> str:
    """The interpreter of this process runs app.py, for it is what the code is built for."""
    return shlex.join(["exec", *tether(0), sys.executable, "app.py"])


def _reason(log: Path, start: int) -> str:
    """The line of a log that says what went wrong, as far as one can tell."""
    lines = [line.strip() for line in log.read_bytes()[start:].decode(errors="replace").split("\n")]
    told = [line for line in lines if line.startswith("error: ")]
    told = told or [line for line in lines if "❌" in line or "Error" in line]
    told = told or [line for line in lines if line] or ["the CDK says nothing"]
    return told[0].removeprefix("error: ").lstrip("❌ ")


def _sweep(folder: Path) -> None:
    """Remove what clouds have left that were killed."""
    for left in folder.glob("run-*"):
        with contextlib.suppress(ValueError):
            if not _is_alive(int(left.name.partition("-")[2])):
                shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
