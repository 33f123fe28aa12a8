"""The Lambda entry of a custom resource: does the endpoint run what the deployment asked for?

SageMaker brings the old version back when an alarm rings in an update, and the endpoint is in
service again; CloudFormation takes that for a success. Here it fails the deployment, so that the
stack goes back as a whole, and somebody knows.
"""

import json
import time
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any

from lading.functions.endpoint_check.endpoint import EndpointWrong, Wanted, keep_log, pending
from lading.functions.traffic_hook.custom_resource import respond

_PAUSES_S = (1, 2, 5, 10)
_SPARED_S = 30
"""Kept of the function's time to tell CloudFormation."""


def check(event: Mapping[str, Any], context: Any) -> None:
    """Answer the custom resource.

    Its properties: `Endpoint`, `Config`, `Component` and `Model` name what must run; `LogGroup` and
    `LogDays` bound the containers' log; `Alarms` names those that bring an old version back.
    """
    failure = None
    if event["RequestType"] != "Delete":
        failure = _failure(event["ResourceProperties"], context)
    respond(event, failure, "endpoint-check")


def _failure(properties: Mapping[str, str], context: Any) -> str | None:
    """Why the endpoint does not run what it should, or None."""
    try:
        failure = _wait(Wanted.from_properties(properties), context)
        keep_log(properties["LogGroup"], int(properties["LogDays"]))
    except EndpointWrong as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 an unanswered question would hold the stack for an hour
        failure = f"the check failed: {error!r}"
    print(json.dumps({"message": "endpoint", **properties, "failure": failure}))  # noqa: T201 the log
    return failure


def _wait(wanted: Wanted, context: Any) -> str | None:
    for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        waits = pending(wanted)
        if waits is None:
            return None
        if context.get_remaining_time_in_millis() < (pause_s + _SPARED_S) * 1000:
            return f"{waits}, and has been for too long"
        time.sleep(pause_s)
    raise AssertionError
