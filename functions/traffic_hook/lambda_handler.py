"""The Lambda entries of a roll-out of one model's function.

- `check`: decides for CodeDeploy whether the new version may get traffic: it must give the
  artifact's golden answers. When no traffic shifts, it decides the same for CloudFormation, as a
  custom resource, before the alias is created.
- `after_traffic`: asks the judge, if there is one, whether the new version may stay. Then it
  deletes versions that no longer serve, because SnapStart bills each version. The previous version
  stays: CloudFormation returns to it if another resource of the same update fails, and requests in
  progress finish there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lading.functions.contract.invocation import proxy_event
from lading.functions.contract.names import HOOK, VERSION_HEADER
from lading.functions.traffic_hook.cloud import (
    CodeDeployment,
    ModelFunction,
    layer_sha256,
    read_golden,
)
from lading.functions.traffic_hook.custom_resource import failure_of, log, respond
from lading.functions.traffic_hook.golden import NOTHING, Golden, differences, wrong_status
from lading.functions.traffic_hook.judged import hear_judge
from lading.functions.traffic_hook.patience import HookRetries
from lading.functions.traffic_hook.settings import GoldenPlace, HookSettings

_HEADERS = {"Content-Type": "application/json", "Host": "traffic-hook"}


def check(event: Mapping[str, Any], context: Any) -> None:
    """Answer CodeDeploy's BeforeAllowTraffic, or the custom resource."""
    patience = HookRetries(context.get_remaining_time_in_millis if context else lambda: 0)
    if "RequestType" in event:
        _check_resource(event, patience)
        return
    deployment = CodeDeployment(event)
    deployment.report(succeeded=_check(lambda: deployment.versions()[1], patience) is None)


def _check_resource(event: Mapping[str, Any], patience: HookRetries) -> None:
    """Check at creation, and at updates only with `Always`; CodeDeploy checks other updates."""
    properties = event["ResourceProperties"]
    checked = event["RequestType"] == "Create" or (
        event["RequestType"] == "Update" and properties.get("Always") == "true"
    )
    respond(event, _check(lambda: int(properties["Version"]), patience) if checked else None)


def after_traffic(event: Mapping[str, str], context: Any) -> None:  # noqa: ARG001 Lambda's signature
    """Answer CodeDeploy's AfterAllowTraffic: what the judge says, if there is one.

    A failure to delete versions does not fail the roll-out.
    """
    settings, deployment = HookSettings.from_environment(), CodeDeployment(event)
    if settings.judge and not _is_passed(settings, deployment.id):
        deployment.report(succeeded=False)
        return

    def clean() -> None:
        function = ModelFunction(settings.function)
        _delete_versions(function, kept={*deployment.versions(), *function.aliased_versions()})

    if failure := failure_of(clean):
        log(message="old versions stay", reason=failure)
    deployment.report(succeeded=True)


def _is_passed(settings: HookSettings, deployment: str) -> bool:
    """Return whether the new version may stay: by the judge, or if it fails, by the stage."""
    heard = hear_judge(settings.judge, deployment, holds_broken=settings.holds_broken)
    log(message="judge", model=settings.model, failure=heard.failure, passes=heard.passes)
    return heard.passes


def _check(version: Callable[[], int], patience: HookRetries) -> str | None:
    """Return why the version must not serve, or None."""
    settings = HookSettings.from_environment()

    def compare() -> str | None:
        target = version()
        if altered := _altered_layer(settings):
            return altered
        found = (
            difference
            for place in settings.versions
            for difference in _differences(settings, place, target, patience)
        )
        return "; ".join(found) or None

    failure = failure_of(compare)
    log(message="golden requests", model=settings.model, failure=failure)
    return f"model '{settings.model}': {failure}" if failure else None


def _altered_layer(settings: HookSettings) -> str | None:
    """Return why the layer of another publisher must not run, or None."""
    if not settings.layer:
        return None
    found = layer_sha256(settings.layer)
    if found == settings.layer_sha256:
        return None
    return f"layer {settings.layer} has the SHA-256 {found}, expected {settings.layer_sha256}"


def _differences(
    settings: HookSettings, place: GoldenPlace, target: int, patience: HookRetries
) -> Iterator[str]:
    content = read_golden(place.golden, place.owner) if place.golden else None
    golden = NOTHING if content is None else Golden.from_json(content)
    function, headers = ModelFunction(settings.function), {**_HEADERS}
    headers[VERSION_HEADER] = str(place.version)

    def ask(method: str, path: str, body: bytes = b"") -> Mapping[str, Any]:
        event = proxy_event(method, f"/{settings.model}/{path}", headers, body)
        event["requestContext"]["requestId"] = HOOK.request_id
        return patience.insist(partial(function.invoke, target, event))

    if refused := wrong_status(ask("GET", "v2/health/ready")):
        yield f"not ready: {refused}"
        return
    for number, request in enumerate(golden.requests):
        answer = ask("POST", "predict", json.dumps({"inputs": request["inputs"]}).encode())
        for difference in differences(golden, request, place.version, answer):
            yield f"golden request {number}: {difference}"


def _delete_versions(function: ModelFunction, *, kept: set[int]) -> None:
    for version in sorted(set(function.versions()) - kept):
        failure = function.delete(version)
        log(message="old version", version=version, kept_because=failure)
