"""Builds run the buildspec's real commands, on sources that are really unpacked."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.cloud.builds import Builder

COMMANDS = {
    "version": "0.2",
    "env": {"exported-variables": ["RESULT", "MISSING"]},
    "phases": {
        "install": {"commands": ["exit 9"]},
        "build": {
            "commands": [
                'cd "$CODEBUILD_SRC_DIR_more"',
                'WORD="$(cat word.txt)"',
                'cd "$CODEBUILD_SRC_DIR"',
                'export RESULT="{\\"said\\": \\"$WORD $MODEL $STEP\\"}"',
                "test -f here.txt",
            ]
        },
    },
}


def archive(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{name}.txt", text)
    return content.getvalue()


class Cloud:
    """CodeBuild with one project, and S3 with its sources."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def batch_get_projects(self, names: list[str]) -> Any:
        source = {"location": "bucket/src.zip", "buildspec": json.dumps(COMMANDS)}
        more = {"location": "bucket/more.zip", "sourceIdentifier": "more"}
        variables = [{"name": "MODEL", "value": "m"}, {"name": "STEP", "value": "none"}]
        project = {
            "source": source,
            "secondarySources": [more],
            "environment": {"environmentVariables": variables},
        }
        return {"projects": [project for _ in names]}

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803 - boto3's names
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}


def built(folder: Path, source: bytes) -> dict[str, Any]:
    cloud = Cloud({"bucket/src.zip": source, "bucket/more.zip": archive(word="hello")})
    builder = Builder(cloud, cloud, folder, {})
    step = [{"Name": "STEP", "Value": "prepare", "Type": "PLAINTEXT"}]
    return builder.run({"ProjectName": "p", "EnvironmentVariablesOverride": step}, 1)


def test_a_build_runs_its_commands_in_one_shell_and_exports_variables(tmp_path: Path) -> None:
    build = built(tmp_path, archive(here=""))
    assert build["BuildStatus"] == "SUCCEEDED"
    found = {each["Name"]: each["Value"] for each in build["ExportedEnvironmentVariables"]}
    assert json.loads(found["RESULT"]) == {"said": "hello m prepare"}
    assert found["MISSING"] == ""


def test_a_command_that_fails_ends_the_build(tmp_path: Path) -> None:
    build = built(tmp_path, archive(other=""))
    assert (build["BuildStatus"], build["Phases"][0]["Contexts"]) == (
        "FAILED",
        [{"Message": "exit status 1"}],
    )


def test_sources_that_are_no_archive_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(zipfile.BadZipFile):
        built(tmp_path, b"no zip")
