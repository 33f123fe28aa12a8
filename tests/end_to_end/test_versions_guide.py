"""Every command of the guide to versions does what it says, one after another, in a clone."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import ROOT, command_environment
from tests.support.s3 import aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs/versions.md").read_text()
STEPS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", GUIDE, re.DOTALL)
"""Commands, and what they write; `…` stands for anything."""

GIT = {
    **{f"GIT_{role}_NAME": "somebody" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "somebody@example.com" for role in ("AUTHOR", "COMMITTER")},
}


def run(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={**command_environment(), **GIT, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def pattern(shown: str) -> str:
    """A regular expression for what a block shows: any spaces fit, and `…` stands for anything."""
    pieces = [
        r"\s+".join(map(re.escape, piece.split())) for piece in re.split(r"\s*…\s*", shown.strip())
    ]
    return r"[\s\S]*?".join(pieces)


@pytest.fixture
def clone(published: Path, tmp_path: Path, s3_client: "S3Client", s3_url: str) -> Iterator[Path]:
    """A repository with version 1 of digits, and a bucket for its versions."""
    s3_client.create_bucket(
        Bucket="our-models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    s3_client.put_bucket_versioning(
        Bucket="our-models", VersioningConfiguration={"Status": "Enabled"}
    )
    folder = tmp_path / "clone"
    shutil.copytree(published, folder)
    run("git init -q", folder)
    with aws(s3_url):
        yield folder


def test_the_commands_write_what_the_guide_shows(clone: Path) -> None:
    assert len(STEPS) == 9
    for script, shown in STEPS:
        out = run(script, clone)
        if shown:
            assert re.search(pattern(shown), out), f"{script}\n{out}"
