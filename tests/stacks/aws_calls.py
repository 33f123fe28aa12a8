"""The calls of AWS that code makes through botocore, and the permissions that each needs."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
from botocore import handlers
from botocore.awsrequest import AWSResponse

from lading.functions.contract.captured import REQUESTS
from lading.functions.contract.names import JOBS
from lading.functions.inference.batches.event import RECORDS
from tests.stacks.policies import ACCOUNT, REGION, Need

_HERE = f"{REGION}:{ACCOUNT}"
_MAY_BE_MISSING = (JOBS.inputs, JOBS.results, JOBS.failures, REQUESTS)


class Call(NamedTuple):
    """One call: `lambda.Invoke` and its parameters."""

    operation: str
    parameters: Mapping[str, Any]


class Key(NamedTuple):
    """A KMS key that encrypts a bucket or a table: its ARN, and its aliases."""

    arn: str
    aliases: tuple[str, ...] = ()


Keys = Mapping[str, Sequence[Key]]
"""Bucket or table -> each key that may encrypt it."""

Answers = Mapping[str, tuple[int, Any]]
"""Operation -> status of AWS's answer, and its JSON document or None; by default 200 and `{}`."""


class _Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def recorded(answers: Answers) -> Iterator[list[Call]]:
    """Record the calls of every session that is created meanwhile, and answer them here.

    A presigned URL is recorded too: its user acts with the permissions of its signer.
    """
    calls: list[Call] = []

    def record(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        calls.append(Call(f"{model.service_model.endpoint_prefix}.{model.name}", dict(params)))

    def reply(request: Any, event_name: str, **_: Any) -> AWSResponse:
        status, document = answers.get(event_name.rpartition(".")[2], (200, {}))
        body = b"" if document is None else json.dumps(document).encode()
        headers: Any = {"content-length": str(len(body))}
        return AWSResponse(request.url, status, headers, _Body(body))

    hooks: list[tuple[Any, ...]] = [("provide-client-params", record), ("before-send", reply)]
    handlers.BUILTIN_HANDLERS.extend(hooks)
    boto3.setup_default_session()
    try:
        yield calls
    finally:
        del handlers.BUILTIN_HANDLERS[-len(hooks) :]
        boto3.setup_default_session()


def needs(call: Call, keys: Keys) -> Iterator[Need]:
    """Yield the permissions that a call needs, those of the services behind it too.

    Args:
        call: the call.
        keys: the keys of buckets and tables.

    Sources: the service authorization reference of each service; the guides of S3 and DynamoDB on
    the permissions that encryption with a customer's key needs.
    """
    service, _, operation = call.operation.rpartition(".")
    yield from _NEEDS[service](operation, call.parameters, keys)


def platform_needs(function: str) -> Iterator[Need]:
    """Yield what Lambda itself does with a function's role: logs and traces."""
    log = f"arn:aws:logs:{_HERE}:log-group:/aws/lambda/{function}"
    for action in ("CreateLogStream", "PutLogEvents"):
        yield Need(f"logs:{action}", f"{log}:log-stream:2026/11/29/[$LATEST]0f1e")
    for action in ("PutTraceSegments", "PutTelemetryRecords"):
        yield Need(f"xray:{action}", "*")


def _lambda(operation: str, told: Mapping[str, Any], _keys: Keys) -> Iterator[Need]:
    if operation == "GetLayerVersionByArn":
        yield Need("lambda:GetLayerVersion", told["Arn"])
        return
    action = {"Invoke": "InvokeFunction"}.get(operation, operation)
    end = f":{told['Qualifier']}" if "Qualifier" in told else ""
    function = f"arn:aws:lambda:{_HERE}:function:{told['FunctionName']}"
    yield Need(f"lambda:{action}", f"{function}{end}")


def _dynamodb(operation: str, told: Mapping[str, Any], keys: Keys) -> Iterator[Need]:
    table = told["TableName"]
    yield Need(f"dynamodb:{operation}", f"arn:aws:dynamodb:{_HERE}:table/{table}")
    for key in keys[table]:
        yield _uses(key, "kms:Decrypt", "dynamodb", "aws:dynamodb:tableName", table)


def _s3(operation: str, told: Mapping[str, Any], keys: Keys) -> Iterator[Need]:
    bucket = f"arn:aws:s3:::{told['Bucket']}"
    version = {"s3:VersionId": told["VersionId"]} if "VersionId" in told else {}
    action = f"{operation}Version" if version else operation
    yield Need(f"s3:{action}", f"{bucket}/{told['Key']}", version)
    missing = told["Key"].startswith(_MAY_BE_MISSING) or f"/{RECORDS}/" in told["Key"]
    if operation == "GetObject" and missing:
        yield Need("s3:ListBucket", bucket)  # a body that is not there yet is 404, otherwise 403
    action = {"GetObject": "kms:Decrypt", "PutObject": "kms:GenerateDataKey"}[operation]
    for key in keys[told["Bucket"]]:
        yield _uses(key, action, "s3", "aws:s3:arn", bucket)


def _uses(key: Key, action: str, service: str, name: str, value: str) -> Need:
    """Return the need of a service that uses a key on behalf of the caller."""
    context: dict[str, str | tuple[str, ...]] = {
        "kms:ViaService": f"{service}.{REGION}.amazonaws.com",
        "kms:ResourceAliases": key.aliases,
        f"kms:EncryptionContext:{name}": value,
    }
    return Need(action, key.arn, context)


def _sagemaker(operation: str, told: Mapping[str, Any], _keys: Keys) -> Iterator[Need]:
    for key, kind in (
        ("EndpointName", "endpoint"),
        ("EndpointConfigName", "endpoint-config"),
        ("ModelName", "model"),
        ("InferenceComponentName", "inference-component"),
    ):
        if key in told:
            yield Need(f"sagemaker:{operation}", f"arn:aws:sagemaker:{_HERE}:{kind}/{told[key]}")


def _cloudwatch(operation: str, told: Mapping[str, Any], _keys: Keys) -> Iterator[Need]:
    context = {"cloudwatch:namespace": told["Namespace"]} if "Namespace" in told else {}
    yield Need(f"cloudwatch:{operation}", "*", context)


def _codedeploy(operation: str, told: Mapping[str, Any], _keys: Keys) -> Iterator[Need]:
    group = told.get("deploymentId")  # the tests name a deployment after its group
    group = group or f"{told['applicationName']}/{told['deploymentGroupName']}"
    arn = f"arn:aws:codedeploy:{_HERE}:deploymentgroup:{group}"
    # The service authorization reference has no resource for this action.
    yield Need(f"codedeploy:{operation}", "*" if operation == "StopDeployment" else arn)


def _logs(operation: str, told: Mapping[str, Any], _keys: Keys) -> Iterator[Need]:
    group = f"arn:aws:logs:{_HERE}:log-group:{told['logGroupName']}"
    streams = ":*" if operation == "FilterLogEvents" else ""
    yield Need(f"logs:{operation}", f"{group}{streams}")


_NEEDS: Mapping[str, Callable[[str, Mapping[str, Any], Keys], Iterator[Need]]] = {
    "api.sagemaker": _sagemaker,
    "codedeploy": _codedeploy,
    "dynamodb": _dynamodb,
    "lambda": _lambda,
    "logs": _logs,
    "monitoring": _cloudwatch,
    "runtime.sagemaker": _sagemaker,
    "s3": _s3,
}
