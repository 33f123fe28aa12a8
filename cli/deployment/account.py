"""What an AWS account has of a stage: who asks, the stacks, the alarms that are on, the logs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from lading.api.errors import AwsRefused
from lading.cli.errors import LibraryNeeded
from lading.stacks.stages.settings import OUTPUTS, Names

_BOOTSTRAP = "CDKToolkit"
"""The stack that `cdk bootstrap` makes."""


class Identity(NamedTuple):
    """Who the credentials belong to."""

    account: str
    principal: str
    region: str


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack of a stage.

    Args:
        name: its name.
        status: CloudFormation's word.
        changed: when it was last changed, in UTC.
        model: the model that it serves; empty for other stacks.
        version: that model's deployed version; 0 for other stacks.
        url: the URL of its API, if it has one.
        reason: why it is in that state, if CloudFormation says so.
    """

    name: str
    status: str
    changed: str
    model: str = ""
    version: int = 0
    url: str = ""
    reason: str = ""


class LogLine(NamedTuple):
    """One event of a log: milliseconds since 1970, and its text."""

    at_ms: int
    id: str
    text: str


def identity(region: str | None) -> Identity:
    """Return whose credentials these are.

    Raises:
        AwsRefused: there are none, or they are not valid.
    """
    with _calls("AWS", region) as session:
        found = _quick(session, "sts").get_caller_identity()
        return Identity(found["Account"], found["Arn"], str(session.region_name))


def concurrency(region: str | None) -> int:
    """Return how many executions of functions may run at once in the account.

    Raises:
        AwsRefused: that cannot be read.
    """
    with _calls("Lambda's quota", region) as session:
        found = _quick(session, "lambda").get_account_settings()
        return int(found["AccountLimit"]["ConcurrentExecutions"])


def is_bootstrapped(region: str | None) -> bool:
    """Return whether the region is prepared for the CDK.

    Raises:
        AwsRefused: that cannot be read.
    """
    with _calls("stacks", region) as session:
        pages = _quick(session, "cloudformation").get_paginator("describe_stacks").paginate()
        return any(stack["StackName"] == _BOOTSTRAP for page in pages for stack in page["Stacks"])


def stack_states(names: Names, region: str | None) -> list[StackState]:
    """Return the stacks of a stage, by name.

    Raises:
        AwsRefused: they cannot be read.
    """
    with _calls("stacks", region) as session:
        client = session.client("cloudformation")
        pages = client.get_paginator("describe_stacks").paginate()
        own = [stack for page in pages for stack in page["Stacks"] if _belongs(stack, names)]
        states = [_state(stack, names, _description(client, stack)) for stack in own]
    return sorted(states, key=lambda state: state.name)


def alarms_on(names: Names, region: str | None) -> list[str]:
    """Return the names of the stage's alarms that are in the state ALARM.

    Raises:
        AwsRefused: they cannot be read.
    """
    with _calls("alarms", region) as session:
        pages = (
            session.client("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmNamePrefix=f"{names.prefix}-", StateValue="ALARM")
        )
        return sorted(each["AlarmName"] for page in pages for each in page["MetricAlarms"])


def log_lines(group: str, region: str | None, since_ms: int, pattern: str) -> list[LogLine]:
    """Return the events of a log group, the oldest first.

    Args:
        group: its name.
        region: its region; None: the AWS profile's.
        since_ms: the oldest, in milliseconds since 1970.
        pattern: a filter pattern of CloudWatch Logs; empty for all.

    Raises:
        AwsRefused: they cannot be read.
    """
    with _calls(f"the log {group}", region) as session:
        options: dict[str, Any] = {"filterPattern": pattern} if pattern else {}
        pages = (
            session.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, startTime=since_ms, **options)
        )
        found = [each for page in pages for each in page["events"]]
    return sorted(LogLine(each["timestamp"], _id(each), each["message"]) for each in found)


def _id(event: Any) -> str:
    """Return the id of an event; an emulated account gives none."""
    return str(event.get("eventId") or (event["logStreamName"], event["message"]))


def _quick(session: Any, service: str) -> Any:
    """Return a client that soon gives up where there is no network."""
    from botocore.config import Config

    patience = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 1})
    return session.client(service, config=patience)


@contextmanager
def _calls(subject: str, region: str | None) -> Iterator[Any]:
    """Yield a session of AWS's client, whose errors become ours."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise LibraryNeeded("calls of AWS", "boto3", "cloud") from error
    try:
        yield boto3.session.Session(region_name=region)
    except (BotoCoreError, ClientError) as error:
        where = region or "the region of the AWS profile"
        raise AwsRefused(f"{subject} in {where}", str(error).rstrip(".")) from error


def _belongs(stack: Any, names: Names) -> bool:
    tags = {each["Key"]: each["Value"] for each in stack.get("Tags", ())}
    tagged = (tags.get("service"), tags.get("stage")) == (names.service, names.stage)
    return tagged or stack["StackName"].startswith(f"{names.prefix}-")


def _description(client: Any, stack: Any) -> str:
    """Return the description of a stack; an emulated account has it in the template only."""
    if stack.get("Description"):
        return str(stack["Description"])
    template = client.get_template(StackName=stack["StackName"])["TemplateBody"]
    document = json.loads(template) if isinstance(template, str) else template
    return str(document.get("Description", ""))


def _state(stack: Any, names: Names, description: str) -> StackState:
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
    model = names.described_model(stack["StackName"], description) or ""
    changed = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return StackState(
        stack["StackName"],
        stack["StackStatus"],
        f"{changed:%Y-%m-%d %H:%M:%S}",
        model,
        _version(description) if model else 0,
        outputs.get(OUTPUTS.api_url, ""),
        stack.get("StackStatusReason", ""),
    )


def _version(description: str) -> int:
    text = description.rpartition(", version ")[2]
    return int(text) if text.isdecimal() else 0


def regions_of(stated: Sequence[str], region: str | None) -> Sequence[str | None]:
    """Return the regions to look in: the one asked for, or those of the stage."""
    return [region] if region else stated or [None]
