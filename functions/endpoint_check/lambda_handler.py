"""The Lambda entry of a custom resource: does the endpoint run what the deployment requested?

If an alarm goes off during an update, SageMaker rolls it back, and the endpoint is in service
again. CloudFormation reads that as a success. This check fails the deployment, so that the stack is
rolled back too, with the reason.
"""

import time
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any

from lading.functions.endpoint_check.endpoint import EndpointWrong, Wanted, keep_log, pending
from lading.functions.traffic_hook.custom_resource import failure_of, log, respond

_PAUSES_S = (1, 2, 5, 10)
_SPARED_S = 30
"""Time of the function that is kept for the report."""


def check(event: Mapping[str, Any], context: Any) -> None:
    """Answer the custom resource.

    Its properties: `Endpoint`, `Config`, `Component` and `Model` name what must run; `LogGroup` and
    `LogDays` limit the containers' log; `Alarms` names the alarms that roll an update back.
    """
    failure, properties = None, event["ResourceProperties"]
    if event["RequestType"] != "Delete":
        failure = failure_of(lambda: _failure(properties, context))
        log(message="endpoint", **properties, failure=failure)
    respond(event, failure, "endpoint-check")


def _failure(properties: Mapping[str, str], context: Any) -> str | None:
    """Return why the endpoint does not run what it should, or None."""
    try:
        failure = _wait(Wanted.from_properties(properties), context)
    except EndpointWrong as error:
        return str(error)
    keep_log(properties["LogGroup"], int(properties["LogDays"]))
    return failure


def _wait(wanted: Wanted, context: Any) -> str | None:
    for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        waits = pending(wanted)
        if waits is None:
            return None
        if context.get_remaining_time_in_millis() < (pause_s + _SPARED_S) * 1000:
            return f"{waits} for too long"
        time.sleep(pause_s)
    raise AssertionError
