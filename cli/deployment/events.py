"""The lines that `cdk deploy --progress events` prints, as events of resources."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_EVENT = re.compile(
    r"\s*(?P<stack>[A-Za-z][A-Za-z0-9-]*) \|\s*(?P<done>[0-9]*/?\s*[0-9]*)\s*\| [^|]*\| "
    r"(?P<status>[A-Z_]+)\s*\| (?P<type>[A-Za-z0-9:]+)\s*\|\s*(?P<resource>.*)"
)
_COLORS = re.compile(r"\x1b\[[0-9;]*m")

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "has not been bootstrapped": "run `lading deploy --bootstrap` once for account and region",
        "bootstrap stack version": "run `lading deploy --bootstrap` to bring it up to date",
        "Unable to resolve AWS account": "log in to AWS, such as with `aws sso login`",
        "ExpiredToken": "the credentials have expired; log in to AWS again",
        "security token included in the request is": "the credentials are not valid; log in again",
        "TerminationProtection is enabled": "the stage is protected; see docs/deploy.md",
    }
)
"""What the CDK says -> what to do."""


class Event(NamedTuple):
    """What happened to one resource.

    Args:
        stack: name of its stack.
        status: CloudFormation's word, such as CREATE_COMPLETE.
        kind: its type, such as AWS::Lambda::Function.
        resource: its name in the template, with the reason if there is one.
    """

    stack: str
    status: str
    kind: str
    resource: str

    @property
    def failed(self) -> bool:
        """Whether the resource could not be made, changed or deleted."""
        return self.status.endswith("_FAILED")

    @property
    def ended(self) -> bool:
        """Whether the resource is as it is to be."""
        return self.status.endswith("_COMPLETE")

    def __str__(self) -> str:
        return (
            f"{self.stack}  {self.status.lower().replace('_', ' ')}  {self.kind}  {self.resource}"
        )


def read_event(line: str) -> Event | None:
    """Return the event that a line has; None for any other line."""
    found = _EVENT.match(_COLORS.sub("", line))
    if found is None:
        return None
    return Event(found["stack"], found["status"], found["type"], found["resource"].strip())


def reason_in(printed: str) -> str:
    """Return the line that most likely names the cause of a failure, with what to do about it."""
    lines = [_COLORS.sub("", line).strip() for line in printed.split("\n")]
    events = [event for line in lines if (event := read_event(line)) is not None]
    failed = [f"{event.kind} {event.resource}" for event in events if event.failed]
    ours = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    said = [line.lstrip("❌ ") for line in lines if "❌" in line or "Error" in line]
    others = [line for line in lines if line]
    reason = next(iter([*ours, *failed, *said, *others[-1:]]), "the CDK printed nothing")
    advice = next((text for words, text in _ADVICE.items() if words in printed), "")
    return f"{reason}; {advice}" if advice else reason
