"""Every command of the README does what it says, in a clone."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import ROOT, command_environment, serving
from tests.support.s3 import aws

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line
]
DEPLOYED = [command for command in COMMANDS if "https://" in command]
ELSEWHERE = [
    command for command in COMMANDS if command.startswith(("lading init", "lading deploy"))
]
"""Commands whose own tests run them: test_first_steps.py, test_deploying.py."""
SHARING = [command for command in COMMANDS if "s3://" in command or command == "lading pull"]


def run(command: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=command_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_no_command_is_forgotten_here() -> None:
    kinds = ("make ", "source ", "lading ", "curl ", "uv ", "pip install ", "cd churn")
    assert all(command.startswith(kinds) for command in COMMANDS)
    assert {command for command in COMMANDS if command.startswith("make ")} == {
        "make cloud",
        "make demo",
    }


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", README))))
def test_every_make_target_exists(target: str) -> None:
    assert run(f"make --dry-run --no-print-directory {target}", ROOT)


def test_what_make_demo_runs(checkout: Path, tmp_path: Path) -> None:
    clone = shutil.copytree(checkout, tmp_path / "clone")
    out = run("python examples/digits/demo.py", clone)
    assert "answer  truth  probability" in out
    assert "lading package" in out.partition("Done.")[2]


def test_the_commands_after_the_demo(published: Path, tmp_path: Path) -> None:
    clone = shutil.copytree(published, tmp_path / "clone")
    commands = [
        command
        for command in COMMANDS
        if command.startswith("lading ")
        and not command.startswith("lading serve")
        and command not in SHARING + DEPLOYED + ELSEWHERE
    ]
    assert len(commands) >= 3
    for command in commands:
        assert run(command, clone)


def test_the_commands_that_share_versions_through_s3(
    published: Path, s3_client: "S3Client", s3_url: str, tmp_path: Path
) -> None:
    s3_client.create_bucket(
        Bucket="my-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    s3_client.put_bucket_versioning(
        Bucket="my-bucket", VersioningConfiguration={"Status": "Enabled"}
    )
    mine, clone = tmp_path / "mine", tmp_path / "clone"
    shutil.copytree(published, mine)
    *share, pull = SHARING
    with aws(s3_url):
        assert all(run(command, mine) for command in share)
        shutil.copytree(mine, clone, ignore=shutil.ignore_patterns("artifacts"))
        assert "copied" in run(pull, clone)
    assert run("lading predict digits --input examples/digits/sample.json", clone)


def test_the_curl_command_answers(published: Path) -> None:
    [curl] = [command for command in COMMANDS if command.startswith("curl ")]
    with serving(published) as url:
        out = run(curl.replace("http://127.0.0.1:8080", url), published)
    assert '"outputs":' in out


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.startswith("lading serve")] + DEPLOYED
)
def test_the_commands_that_run_on_or_need_a_deployment_are_understood(
    command: str, published: Path
) -> None:
    assert "Usage" in run(f"{command} --help", published)
