"""Functions on Lambda Managed Instances, as the tests of stacks need them."""

from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

from tests.stacks.projects import local_artifact, locked, s3_copy, write_project
from tests.stacks.synthesis import synthesise

PLACE = "subnets: [subnet-0a1b2c3d4e5f60718], security_groups: [sg-0a1b2c3d4e5f60718]"
STAGES = (
    "stages: {{dev: {{regions: [eu-central-1], models: {{digits: {{managed: {{{settings}}}}}}}}}}}"
)


def managed_template(folder: Path, settings: str, *, in_s3: bool = True, **asked: Any) -> Template:
    """The template of the only model's stack."""
    entry = locked(s3_copy("digits")) if in_s3 else local_artifact(folder, "digits")
    entry["versions"]["3"]["target"] = "lambda-managed"
    write_project(folder, {"digits": entry}, STAGES.format(settings=settings))
    (region,) = synthesise(folder, **asked)
    return Template.from_stack(region.models[0])
