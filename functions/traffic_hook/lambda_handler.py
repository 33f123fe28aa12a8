"""The Lambda entries around a roll-out of one model's function.

- `check`: CodeDeploy asks whether the new version may take traffic. It may when it gives the
  artifact's golden answers. CloudFormation asks the same where nothing shifts, before the alias is
  made, through a custom resource.
- `after_traffic`: versions that no longer serve are deleted: under SnapStart each one costs money.
  The one that served until now stays: CloudFormation goes back to it if another resource of the
  same update fails, and requests that are under way finish there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lading.functions.traffic_hook.cloud import CodeDeployment, ModelFunction, read_golden
from lading.functions.traffic_hook.custom_resource import respond
from lading.functions.traffic_hook.golden import (
    NOTHING,
    Golden,
    differences,
    proxy_event,
    wrong_status,
)
from lading.functions.traffic_hook.patience import Retries
from lading.functions.traffic_hook.settings import HookSettings


def check(event: Mapping[str, Any], context: Any) -> None:
    """Answer CodeDeploy's BeforeAllowTraffic, or the custom resource."""
    patience = Retries(context.get_remaining_time_in_millis if context else lambda: 0)
    if "RequestType" in event:
        _check_resource(event, patience)
        return
    deployment = CodeDeployment(event)
    deployment.report(succeeded=_check(lambda: deployment.versions()[1], patience) is None)


def _check_resource(event: Mapping[str, Any], patience: Retries) -> None:
    """Its properties: `Version`; `Always`, to check at updates too, where no CodeDeploy does it."""
    properties = event["ResourceProperties"]
    checked = event["RequestType"] == "Create" or (
        event["RequestType"] == "Update" and properties.get("Always") == "true"
    )
    respond(event, _check(lambda: int(properties["Version"]), patience) if checked else None)


def after_traffic(event: Mapping[str, str], context: Any) -> None:  # noqa: ARG001 Lambda's signature
    """Answer CodeDeploy's AfterAllowTraffic; the roll-out is good whatever happens here."""
    deployment = CodeDeployment(event)
    try:
        function = ModelFunction(HookSettings.from_environment().function)
        _delete_versions(function, kept={*deployment.versions(), *function.aliased_versions()})
    except Exception as error:  # noqa: BLE001 what stays costs money, what fails here a roll-out
        _log(message="old versions stay", reason=repr(error))
    deployment.report(succeeded=True)


def _check(version: Callable[[], int], patience: Retries) -> str | None:
    """Whatever keeps the version from serving, or None."""
    settings = HookSettings.from_environment()
    try:
        target = version()
        golden = Golden.from_json(read_golden(settings.golden)) if settings.golden else NOTHING
        told = list(_differences(settings, golden, target, patience))
    except Exception as error:  # noqa: BLE001 an unanswered question would hold the roll-out for an hour
        told = [f"the check failed: {error!r}"]
    _log(message="golden requests", model=settings.model, differences=told)
    return f"model '{settings.model}': {'; '.join(told)}" if told else None


def _differences(
    settings: HookSettings, golden: Golden, target: int, patience: Retries
) -> Iterator[str]:
    function = ModelFunction(settings.function)
    base = f"/{settings.model}"
    ready = patience.insist(
        lambda: function.invoke(target, proxy_event("GET", f"{base}/v2/health/ready"))
    )
    if refused := wrong_status(ready):
        yield f"not ready: {refused}"
        return
    for number, request in enumerate(golden.requests):
        event = proxy_event("POST", f"{base}/predict", {"inputs": request["inputs"]})
        answer = patience.insist(partial(function.invoke, target, event))
        for difference in differences(golden, request, settings.version, answer):
            yield f"golden request {number}: {difference}"


def _delete_versions(function: ModelFunction, *, kept: set[int]) -> None:
    for version in sorted(set(function.versions()) - kept):
        failure = function.delete(version)
        _log(message="old version", version=version, kept_because=failure)


def _log(**fields: Any) -> None:
    print(json.dumps(fields, default=str))  # noqa: T201 standard output is the log
