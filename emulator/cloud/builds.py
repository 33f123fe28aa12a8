"""Builds of CodeBuild on this machine: the real commands of a buildspec, in a folder of their own.

Two things differ. The `install` phase does not run: a build has this machine's Python and Lading,
as it has them in AWS after that phase. And the commands run in one bash process, not in a
container. The source is downloaded and unpacked as CodeBuild does it.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.emulator.processes.child import tether
from lading.emulator.settings import inherited_environment

_PHASES = ("pre_build", "build", "post_build")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Builder:
    """Runs builds.

    Args:
        codebuild: boto3's client of CodeBuild, which has the projects.
        s3: boto3's client of S3, which has the sources.
        folder: the folder of the builds.
        environment: variables that lead AWS's clients to the emulated account.
    """

    codebuild: Any
    s3: Any
    folder: Path
    environment: Mapping[str, str]

    def run(self, request: Mapping[str, Any], number: int) -> dict[str, Any]:
        """Run one build to its end; return it in the words of BatchGetBuilds.

        Args:
            request: StartBuild's request.
            number: the build's number.
        """
        name = str(request["ProjectName"])
        (project,) = self.codebuild.batch_get_projects(names=[name])["projects"]
        folder = self.folder / f"{name}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        sources = self._unpack(project, folder)
        commands = json.loads(project["source"]["buildspec"])
        exported = tuple(commands.get("env", {}).get("exported-variables", ()))
        script = _script(commands, exported, folder / "exported")
        variables = {
            each["Name"]: each["Value"] for each in request.get("EnvironmentVariablesOverride", ())
        }
        own = {
            each["name"]: each["value"] for each in project["environment"]["environmentVariables"]
        }
        status = self._execute(script, {**sources, **own, **variables}, folder)
        return {
            "Id": f"{name}:{number}",
            "ProjectName": name,
            "BuildStatus": "FAILED" if status else "SUCCEEDED",
            "BuildComplete": True,
            "ExportedEnvironmentVariables": _exported(folder / "exported", exported),
            "Logs": {"DeepLink": str(folder / "log.txt")},
            "Phases": [
                {
                    "PhaseType": "BUILD",
                    "PhaseStatus": "FAILED" if status else "SUCCEEDED",
                    "Contexts": [{"Message": f"exit status {status}"}] if status else [],
                }
            ],
        }

    def _unpack(self, project: Mapping[str, Any], folder: Path) -> dict[str, str]:
        """Unpack every source; return the variables that name their folders."""
        variables = {}
        for source in (project["source"], *project.get("secondarySources", ())):
            identifier = source.get("sourceIdentifier", "")
            bucket, _, key = source["location"].partition("/")
            content = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            place = folder / (identifier or "src")
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(place)
            ending = f"_{identifier}" if identifier else ""
            variables[f"CODEBUILD_SRC_DIR{ending}"] = str(place.resolve())
        return variables

    def _execute(self, script: str, variables: Mapping[str, str], folder: Path) -> int:
        inherited = inherited_environment()
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        with (folder / "log.txt").open("wb") as log:
            return subprocess.run(
                [*tether(os.getpid()), shutil.which("bash") or "/bin/bash", "-c", script],
                cwd=folder / "src",
                env={**inherited, **self.environment, **variables, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            ).returncode


def _script(commands: Mapping[str, Any], exported: tuple[str, ...], output: Path) -> str:
    """Return a buildspec's phases as one script, which ends at the first command that fails."""
    phases = commands["phases"]
    lines = [line for phase in _PHASES for line in phases.get(phase, {}).get("commands", ())]
    names = [name for name in exported if _NAME.fullmatch(name)]
    kept = [f'printf "%s" "${{{name}-}}" > "{output.resolve()}.{name}"' for name in names]
    ended = "\n".join(kept) or ":"
    return "\n".join([f"trap '{ended}' EXIT", "set -e", *lines])


def _exported(output: Path, names: tuple[str, ...]) -> list[dict[str, str]]:
    files = {name: output.with_name(f"{output.name}.{name}") for name in names}
    return [
        {"Name": name, "Value": path.read_text(encoding="utf-8")}
        for name, path in files.items()
        if path.is_file()
    ]
