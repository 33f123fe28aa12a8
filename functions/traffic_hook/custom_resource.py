"""Checks on behalf of CloudFormation's custom resources, and the report of their result."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

_LONGEST_REASON = 1000
_TIMEOUT_S = 30


def failure_of(check: Callable[[], str | None]) -> str | None:
    """Run a check and return why it failed, or None.

    Any error is a failure: without a report, CloudFormation and CodeDeploy wait for an hour.
    """
    try:
        return check()
    except Exception as error:  # noqa: BLE001 see above
        return f"the check failed: {error!r}"


def log(**fields: Any) -> None:
    """Write one line to the function's log."""
    print(json.dumps(fields, default=str))  # noqa: T201 standard output is the log


def respond(event: Mapping[str, Any], failure: str | None, kind: str = "golden-check") -> None:
    """Report to CloudFormation, for which the stack waits.

    Args:
        event: the event of the custom resource.
        failure: why the deployment must not continue, or None.
        kind: end of a new resource's identity.
    """
    identity = event.get("PhysicalResourceId") or f"{event['LogicalResourceId']}-{kind}"
    document = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": (failure or "")[:_LONGEST_REASON],
        "PhysicalResourceId": identity,
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 the URL is CloudFormation's own
        event["ResponseURL"],
        data=json.dumps(document).encode(),
        headers={"Content-Type": ""},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 likewise
        pass
