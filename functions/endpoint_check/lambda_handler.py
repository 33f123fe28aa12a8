"""The Lambda entry of a custom resource: does the endpoint run what the deployment requested?

If an alarm goes off during an update, SageMaker rolls it back, and the endpoint is in service
again. CloudFormation reads that as a success. This check fails the deployment, so that the stack is
rolled back too, with the reason. If a judge compares both versions, it has the last word.
"""

import time
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any

from lading.functions.endpoint_check.endpoint import EndpointWrong, Wanted, keep_log, pending
from lading.functions.endpoint_check.last_word import LastWord, last_word
from lading.functions.endpoint_check.settings import CheckSettings
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
        failure = failure_of(lambda: _failure(event, context))
        log(message="endpoint", **properties, failure=failure)
    respond(event, failure, "endpoint-check")


def _failure(event: Mapping[str, Any], context: Any) -> str | None:
    """Return why the endpoint does not run what it should, or may not, or None."""
    properties = event["ResourceProperties"]
    try:
        failure = _wait(Wanted.from_properties(properties), context)
    except EndpointWrong as error:
        word = _word(event)
        return f"{error}; {word.text}" if word else str(error)
    keep_log(properties["LogGroup"], int(properties["LogDays"]))
    word = None if failure else _word(event)
    return word.text if word and not word.passes else failure


def _word(event: Mapping[str, Any]) -> LastWord | None:
    """Return the judge's last word on an update; None without a judge or an update."""
    settings, config = CheckSettings.from_environment(), event["ResourceProperties"]["Config"]
    old = event.get("OldResourceProperties", {}).get("Config")
    if not settings.judge or old in {None, config}:
        return None
    return last_word(settings, config)


def _wait(wanted: Wanted, context: Any) -> str | None:
    for pause_s in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        waits = pending(wanted)
        if waits is None:
            return None
        if context.get_remaining_time_in_millis() < (pause_s + _SPARED_S) * 1000:
            return f"{waits} for too long"
        time.sleep(pause_s)
    raise AssertionError
