"""The state of an endpoint, and of the inference component on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

_UNDER_WAY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
_SERVING = "InService"


class EndpointWrong(Exception):
    """The endpoint does not run what it should, and waiting does not help."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The endpoint that a deployment requested.

    Args:
        endpoint: name of the endpoint.
        config: name of the configuration that it must run.
        component: name of the inference component on it; empty: there is none.
        model: name of the model that the component must run.
        alarms: names of the alarms that roll an update back.
    """

    endpoint: str
    config: str
    component: str = ""
    model: str = ""
    alarms: str = ""

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> "Wanted":
        """Read the properties of the custom resource."""
        return cls(
            endpoint=properties["Endpoint"],
            config=properties["Config"],
            component=properties.get("Component", ""),
            model=properties.get("Model", ""),
            alarms=properties.get("Alarms", ""),
        )


def pending(wanted: Wanted) -> str | None:
    """Return what is still in progress; None when everything runs as requested.

    Raises:
        EndpointWrong: something else runs, or nothing does.
    """
    client = _client("sagemaker")
    endpoint = client.describe_endpoint(EndpointName=wanted.endpoint)
    waits = _pending("endpoint", wanted.endpoint, endpoint["EndpointStatus"], endpoint)
    if waits:
        return waits
    runs = endpoint["EndpointConfigName"]
    if runs != wanted.config:
        raise _rolled_back(wanted, f"endpoint {wanted.endpoint}", wanted.config, runs)
    return _pending_component(client, wanted) if wanted.component else None


def _pending_component(client: Any, wanted: Wanted) -> str | None:
    component = client.describe_inference_component(InferenceComponentName=wanted.component)
    status = component["InferenceComponentStatus"]
    waits = _pending("inference component", wanted.component, status, component)
    if waits:
        return waits
    described = [component.get("Specification") or {}, *component.get("Specifications", ())]
    for runs in {each["ModelName"] for each in described if "ModelName" in each}:
        if runs != wanted.model:
            what = f"inference component {wanted.component}"
            raise _rolled_back(wanted, what, wanted.model, runs)
    return None


def _pending(what: str, name: str, status: str, described: Mapping[str, Any]) -> str | None:
    if status in _UNDER_WAY:
        return f"{what} {name} is {status}"
    if status != _SERVING:
        reason = described.get("FailureReason", "SageMaker gives no reason")
        raise EndpointWrong(f"{what} {name} is {status}: {reason}")
    return None


def _rolled_back(wanted: Wanted, what: str, requested: str, runs: str) -> EndpointWrong:
    alarms = f"the alarms ({wanted.alarms}) and " if wanted.alarms else ""
    return EndpointWrong(
        f"{what} runs {runs}, not {requested}: SageMaker has rolled the update back; check "
        f"{alarms}the container's log"
    )


def keep_log(group: str, days: int) -> None:
    """Create a log group unless it exists, and set how long it keeps its entries."""
    client = _client("logs")
    try:
        client.create_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    client.put_retention_policy(logGroupName=group, retentionInDays=days)


def _client(service: str) -> Any:
    client: Callable[..., Any] = boto3.client
    return client(service)
