"""CloudFormation's custom resources: what they are told, and where the answer goes."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

_LONGEST_REASON = 1000
_TIMEOUT_S = 30


def respond(event: Mapping[str, Any], failure: str | None, kind: str = "golden-check") -> None:
    """Tell CloudFormation how it went; until then the stack waits.

    Args:
        event: what it asked.
        failure: why the deployment must not go on, or None.
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
