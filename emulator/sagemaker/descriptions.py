"""The operations of the `sagemaker` API that describe endpoints, configurations and models."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lading.emulator.sagemaker.endpoint import Fleet, LocalEndpoint, Pending, Status
from lading.emulator.sagemaker.refusals import ACCOUNT, SageMakerRefusal, not_found
from lading.functions.contract.names import ENDPOINT

_ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
_EPOCH = 0.0


def describe(
    endpoints: Mapping[str, LocalEndpoint], target: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answer of the operation that the header `X-Amz-Target` names.

    Raises:
        SageMakerRefusal: the operation is not supported, or finds nothing.
    """
    operation = target.removeprefix("SageMaker.")
    if operation in _OPERATIONS:
        return _OPERATIONS[operation](endpoints, document)
    raise SageMakerRefusal("UnknownOperationException", 400, f"{target[:100]} is not supported")


def _describe_endpoint(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    endpoint = endpoints.get(str(document.get("EndpointName")))
    if endpoint is None:
        raise not_found("endpoint", str(document.get("EndpointName")))
    reason = {"FailureReason": endpoint.failure} if endpoint.failure else {}
    variant = {"VariantName": ENDPOINT.variant, "CurrentInstanceCount": endpoint.copies}
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": f"{_ARN}:endpoint/{endpoint.name}",
        "EndpointConfigName": endpoint.fleet.config,
        "EndpointStatus": str(endpoint.status),
        "ProductionVariants": [variant],
        **_pending(endpoint.pending),
        **_TIMES,
        **reason,
    }


def _pending(update: Pending | None) -> dict[str, Any]:
    """Return what DescribeEndpoint says of an update under way."""
    if update is None:
        return {}
    state = "Baking" if update.share else "Creating"
    status = {"Status": state, "StartTime": update.started}
    summary = {
        "EndpointConfigName": update.new.config,
        "StartTime": update.started,
        "ProductionVariants": [{"VariantName": ENDPOINT.variant, "VariantStatus": [status]}],
    }
    return {"PendingDeploymentSummary": summary}


def _describe_config(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe a configuration; its model has the same name here."""
    name = _fleet(endpoints, "endpoint configuration", document.get("EndpointConfigName")).config
    return {
        "EndpointConfigName": name,
        "EndpointConfigArn": f"{_ARN}:endpoint-config/{name}",
        "ProductionVariants": [{"VariantName": ENDPOINT.variant, "ModelName": name}],
        "CreationTime": _EPOCH,
    }


def _describe_model(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    fleet = _fleet(endpoints, "model", document.get("ModelName"))
    variables = {ENDPOINT.model_version: fleet.version} if fleet.version else {}
    return {
        "ModelName": fleet.config,
        "ModelArn": f"{_ARN}:model/{fleet.config}",
        "PrimaryContainer": {"Environment": variables},
        "CreationTime": _EPOCH,
    }


def _fleet(endpoints: Mapping[str, LocalEndpoint], kind: str, name: object) -> Fleet:
    fleets = (fleet for endpoint in endpoints.values() for fleet in endpoint.fleets)
    found = next((fleet for fleet in fleets if fleet.config == name), None)
    if found is None:
        raise not_found(kind, str(name))
    return found


def _describe_component(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    name = str(document.get("InferenceComponentName"))
    endpoint = next((each for each in endpoints.values() if each.component == name), None)
    if endpoint is None:
        raise not_found("inference component", name)
    failed = endpoint.status == Status.failed
    return {
        "InferenceComponentName": name,
        "InferenceComponentArn": f"{_ARN}:inference-component/{name}",
        "EndpointName": endpoint.name,
        "EndpointArn": f"{_ARN}:endpoint/{endpoint.name}",
        "VariantName": ENDPOINT.variant,
        "InferenceComponentStatus": "Failed" if failed else "InService",
        "RuntimeConfig": {"DesiredCopyCount": 1, "CurrentCopyCount": endpoint.copies},
        **_TIMES,
    }


_OPERATIONS = MappingProxyType(
    {
        "DescribeEndpoint": _describe_endpoint,
        "DescribeEndpointConfig": _describe_config,
        "DescribeInferenceComponent": _describe_component,
        "DescribeModel": _describe_model,
    }
)
_TIMES = MappingProxyType({"CreationTime": _EPOCH, "LastModifiedTime": _EPOCH})
