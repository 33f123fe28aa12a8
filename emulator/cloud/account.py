"""An AWS account on this machine, into which the real stacks deploy."""

import contextlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from lading.emulator.checkout import CODE, tools_folder
from lading.emulator.cloud.cdk import find_cdk
from lading.emulator.cloud.codedeploy import CodeDeploy
from lading.emulator.cloud.ministack import (
    ACCOUNT,
    REGION,
    MiniStack,
    dummy_credentials,
    environment_folder,
)
from lading.emulator.cloud.tasks import account_client
from lading.emulator.errors import DeploymentFailed, ProjectNeeded
from lading.emulator.processes.child import tether
from lading.emulator.processes.server import in_background
from lading.emulator.settings import inherited_environment

Outputs = Mapping[str, Mapping[str, str]]
"""The outputs of each stack, by the stack's name."""

_API = re.compile(r"https://([a-z0-9]+)\.execute-api\.[^/]+/([^/]+)/?")


class EmulatedCloud:
    """MiniStack, and the CDK that deploys into it; leaving the context removes both.

    Args:
        folder: folder of logs and temporary files.
        on_progress: called with the name of each slow step.
        project: folder of app.py.
        tools: folder in which MiniStack and the CDK's command stay installed; by default the
            checkout's own, or the user's cache.
        lambda_python: an interpreter of Lambda's Python version, in which the functions then run
            the layers that would be deployed; None: they run in that of this process, with layers
            built for it.
    """

    def __init__(
        self,
        folder: Path,
        on_progress: Callable[[str], None] = lambda _: None,
        *,
        project: Path = CODE,
        tools: Path | None = None,
        lambda_python: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "ministack.log"
        self.scratch = self.folder / f"run-{os.getpid()}"
        self._on_progress, self._project = on_progress, project
        self._tools = (tools or tools_folder()).resolve()
        self._cdk_log = self.folder / "cdk.log"
        self._lambda_python = lambda_python

    def __enter__(self) -> Self:
        if not (self._project / "app.py").is_file():  # before anything is written
            raise ProjectNeeded(self._project)
        for folder in (self.folder, self._tools):
            folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(self.folder)
        self.scratch.mkdir()
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.scratch, ignore_errors=True)
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @property
    def endpoint(self) -> str:
        """The endpoint URL of every AWS service."""
        return self._ministack.endpoint

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lead AWS's clients to this cloud, and nowhere else."""
        return {**dummy_credentials(), "AWS_ENDPOINT_URL": self.endpoint, **self._others}

    @property
    def runs_lambda_python(self) -> bool:
        """Whether functions run the layers that would be deployed, on Lambda's Python."""
        return self._lambda_python is not None

    def bootstrap(self) -> None:
        """Prepare the account for the CDK.

        Raises:
            DeploymentFailed: `cdk bootstrap` failed.
        """
        self._on_progress("cdk bootstrap")
        # The scratch folder has no cdk.json, so that nothing is synthesized.
        self._cdk_run(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], self.scratch)

    def deploy(self, context: Mapping[str, str]) -> Outputs:
        """Deploy every stack.

        Args:
            context: what app.py reads: the stage, and the files of models and settings.

        Raises:
            DeploymentFailed: the stacks cannot be synthesized or deployed.
        """
        self._on_progress("cdk deploy --all")
        outputs = self.scratch / "outputs.json"
        arguments = ["deploy", "--all", "--require-approval", "never", "--progress", "events"]
        arguments += ["--app", app_command(), "--output", str(self.scratch / "cdk.out")]
        arguments += ["--outputs-file", str(outputs), "--context", "local=true"]
        layers = {"lambda_layers": "true"} if self._lambda_python else {}
        for key, value in {**layers, **context}.items():
            arguments += ["--context", f"{key}={value}"]
        self._cdk_run(arguments, self._project)
        written: Outputs = json.loads(outputs.read_text())
        return written

    def api_url(self, output: str) -> str:
        """Return the URL at which an API answers here, from the URL in its stack's outputs.

        Raises:
            DeploymentFailed: the output is not the URL of an API.
        """
        found = _API.fullmatch(output)
        if found is None:
            raise DeploymentFailed(f"'{output}' is not the URL of an API", self._cdk_log)
        return f"{self.endpoint}/restapis/{found[1]}/{found[2]}/_user_request_"

    def end(self) -> None:
        """End everything in it at once, as an outage does; leaving the context still cleans up."""
        self._ministack.end()

    def require_running(self) -> None:
        """Check that the cloud still runs.

        Raises:
            CloudUnavailable: it has ended.
        """
        self._ministack.require_running()

    def _start(self, undo: contextlib.ExitStack) -> None:
        installing = self.folder / "install.log"
        for old in (installing, self.log, self._cdk_log):
            old.unlink(missing_ok=True)
        self._on_progress("MiniStack and the CDK's command (the first time, they are installed)")
        python = environment_folder(self._tools, installing, self._lambda_python)
        self._cdk = find_cdk(self._project, self._tools, python, installing)
        self.codedeploy = CodeDeploy(self._client)
        port = undo.enter_context(in_background(self.codedeploy, self.codedeploy))
        self._others = {"AWS_ENDPOINT_URL_CODEDEPLOY": f"http://127.0.0.1:{port}"}
        interpreter = python / "bin" / "python"
        self._ministack = MiniStack(interpreter, self.scratch, self.log, self._others)
        undo.callback(self._ministack.end)
        self._ministack.wait()

    def _client(self, service: str) -> Any:
        return account_client(self.environment)(service)

    def _cdk_run(self, arguments: list[str], folder: Path) -> None:
        self.require_running()
        log = self._cdk_log
        before = log.stat().st_size if log.exists() else 0
        own = {**self.environment, "CDK_HOME": str(self.scratch)}
        environment = {**inherited_environment(), **own}
        status = self._cdk.run(arguments, environment=environment, folder=folder, log=log)
        if status != 0:
            raise DeploymentFailed(_reason(log, before), log)


def app_command() -> str:
    """Return the command of app.py, with the interpreter for which the code is built."""
    return shlex.join(["exec", *tether(0), sys.executable, "app.py"])


def _reason(log: Path, start: int) -> str:
    """Return the line after `start` in a log that most likely names the cause."""
    lines = [line.strip() for line in log.read_bytes()[start:].decode(errors="replace").split("\n")]
    found = [line for line in lines if line.startswith("error: ")]
    found = found or [line for line in lines if "❌" in line or "Error" in line]
    found = found or [line for line in lines if line] or ["the CDK printed nothing"]
    return found[0].removeprefix("error: ").lstrip("❌ ")


def _remove_leftovers(folder: Path) -> None:
    """Remove the scratch folders of processes that were killed."""
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
