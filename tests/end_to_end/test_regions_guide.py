"""Every command of the guide to several regions, with S3 and two clouds on this machine."""

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import lading
from tests.end_to_end.test_versions_guide import run
from tests.stacks.synthesis import synthesise
from tests.support.guides import commands_of, section_of
from tests.support.s3 import aws

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.slow

GUIDE = "regions.md"
TITLE = "# Several regions"
COMMANDS = commands_of(GUIDE)
CERTIFICATE = "certificate/0a1b2c3d-0000-4000-8000-000000000000"


def test_versions_are_copied_to_both_regions_and_deployed_there(
    published: Path, tmp_path: Path, s3_client: "S3Client", s3_url: str
) -> None:
    *copies, deploy = COMMANDS[:-1]
    clone = shutil.copytree(published, tmp_path / "clone")
    run("git init -q && git add --all && git commit -qm 'Serve digits'", clone)
    (settings, *_) = re.findall(r"```yaml\n(.*?)```", section_of(GUIDE, TITLE), re.DOTALL)
    (clone / "stages.yaml").write_text(settings.replace("certificate/...", CERTIFICATE))
    buckets = re.findall(r"artifact_buckets: {.*?: (.*?), .*?: (.*?)}", settings)[0]
    for bucket in buckets:
        place = {"LocationConstraint": "eu-west-1"}
        s3_client.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)  # type: ignore[arg-type] # a literal
        versioned = {"Status": "Enabled"}
        s3_client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioned)  # type: ignore[arg-type] # a literal
    with aws(s3_url):
        for command in copies:
            run(command, clone)
    assert run("git log -1 --format=%s", clone).strip() == "Copy the versions to both regions"
    assert deploy == "npx cdk deploy --all -c stage=prod"
    regions = synthesise(clone, stage="prod")
    assert [each.models[0].region for each in regions] == ["eu-central-1", "eu-west-1"]


@pytest.mark.long
def test_a_region_is_stopped_under_load_and_the_other_one_takes_over(
    published: Path, tmp_path: Path
) -> None:
    clone = shutil.copytree(published, tmp_path / "clone")
    (clone / "stages.yaml").write_text("stages: {dev: {}}")
    program, *words = COMMANDS[-1].split()
    assert program == "lading"
    found = json.loads(lading(clone, *words, "--json"))
    assert found["recovered"]
    assert (found["wrong"], found["by_region"]["second"] > 0) == (0, True)
    assert 0 < found["lost"] < found["requests"]
