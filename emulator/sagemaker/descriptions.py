"""The operations of the `sagemaker` API that describe the state of endpoints."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lading.emulator.sagemaker.endpoint import LocalEndpoint, Status
from lading.emulator.sagemaker.refusals import ACCOUNT, SageMakerRefusal
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
    if operation == "DescribeEndpoint":
        return _describe_endpoint(endpoints, document)
    if operation == "DescribeInferenceComponent":
        return _describe_component(endpoints, document)
    raise SageMakerRefusal("UnknownOperationException", 400, f"{target[:100]} is not supported")


def _describe_endpoint(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    endpoint = endpoints.get(str(document.get("EndpointName")))
    if endpoint is None:
        raise _missing("endpoint", str(document.get("EndpointName")))
    reason = {"FailureReason": endpoint.failure} if endpoint.failure else {}
    variant = {"VariantName": ENDPOINT.variant, "CurrentInstanceCount": endpoint.copies}
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": f"{_ARN}:endpoint/{endpoint.name}",
        "EndpointConfigName": endpoint.name,
        "EndpointStatus": str(endpoint.status),
        "ProductionVariants": [variant],
        **_TIMES,
        **reason,
    }


def _describe_component(
    endpoints: Mapping[str, LocalEndpoint], document: Mapping[str, Any]
) -> dict[str, Any]:
    name = str(document.get("InferenceComponentName"))
    endpoint = next((each for each in endpoints.values() if each.component == name), None)
    if endpoint is None:
        raise _missing("inference component", name)
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


def _missing(kind: str, name: str) -> SageMakerRefusal:
    return SageMakerRefusal("ValidationException", 400, f'Could not find {kind} "{name[:63]}".')


_TIMES = MappingProxyType({"CreationTime": _EPOCH, "LastModifiedTime": _EPOCH})
