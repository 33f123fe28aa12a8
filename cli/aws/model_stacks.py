"""The CloudFormation stacks of a stage's models, as they are in an account."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lading.api.errors import AwsRefused
from lading.stacks.stages.settings import Names


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack of one model."""

    name: str
    region: str
    model: str
    status: str

    @property
    def removal(self) -> str:
        """The command that deletes it; the CDK cannot when the model has left the manifest."""
        return f"aws cloudformation delete-stack --region {self.region} --stack-name {self.name}"


def model_stacks(names: Names, region: str | None) -> list[DeployedStack]:
    """Return the stacks of a stage's models, by name.

    Args:
        names: names of the stage.
        region: the region; None: the AWS profile's.

    Raises:
        AwsRefused: the stacks cannot be read.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client: Any = boto3.session.Session(region_name=region).client("cloudformation")
        return sorted(_found(client, names), key=lambda stack: stack.name)
    except (BotoCoreError, ClientError) as error:
        subject = f"stacks in {region or 'the region of the AWS profile'}"
        raise AwsRefused(subject, str(error).rstrip(".")) from error


def _found(client: Any, names: Names) -> Iterator[DeployedStack]:
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            name, status = stack["StackName"], stack["StackStatus"]
            model = names.described_model(name, stack.get("Description", ""))
            if model is not None:
                yield DeployedStack(name, client.meta.region_name, model, status)
