"""The AWS calls of the hook."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from lading.functions.contract.names import expected_owner, in_layers
from lading.functions.contract.streamed_answer import read_answer

_LONGEST_ANSWER_S = 300
_LONGEST_SHOWN = 500
_PROPAGATION_S = (1, 2, 4, 8, 16, 30)
_NOT_YET = {"AccessDeniedException", "ResourceConflictException", "SnapStartNotReadyException"}
"""A permission that has not taken effect everywhere, and a version that is still pending."""
_VERSION = re.compile(r"""(Current|Target)Version["']?\s*:\s*["']?([0-9]+)""")
"""Versions in an application specification, which is JSON or YAML."""


class CloudError(Exception):
    """An answer of AWS is not what the hook needs."""


def _client(service: str) -> Any:
    client: Callable[..., Any] = boto3.client
    return client(service, config=Config(read_timeout=_LONGEST_ANSWER_S))


def read_golden(place: str, owner: str = "") -> bytes:
    """Return the golden requests at a path, or at `s3://bucket/key`.

    Args:
        place: the path or the address.
        owner: the account that the bucket must belong to; empty: any.
    """
    if not place.startswith("s3://"):
        return in_layers(Path(place)).read_bytes()
    bucket, _, key = place.removeprefix("s3://").partition("/")
    found = _client("s3").get_object(Bucket=bucket, Key=key, **expected_owner(owner))
    return bytes(found["Body"].read())


def layer_sha256(layer: str) -> str:
    """Return the SHA-256 of a layer version's zip, in base64."""
    return str(_client("lambda").get_layer_version_by_arn(Arn=layer)["Content"]["CodeSha256"])


class CodeDeployment:
    """A CodeDeploy deployment at one of its lifecycle hooks.

    Args:
        event: the event of the hook.
    """

    def __init__(self, event: Mapping[str, str]) -> None:
        self.id = event["DeploymentId"]
        self._execution = event["LifecycleEventHookExecutionId"]
        self._client = _client("codedeploy")

    def versions(self) -> tuple[int, int]:
        """Return the version that traffic shifts from, and the one that it shifts to.

        Raises:
            CloudError: the deployment does not name them.
        """
        revision = self._client.get_deployment(deploymentId=self.id)["deploymentInfo"]["revision"]
        specification = revision.get("appSpecContent") or revision.get("string") or {}
        found = {side: int(at) for side, at in _VERSION.findall(specification.get("content", ""))}
        if found.keys() != {"Current", "Target"}:
            raise CloudError(f"deployment {self.id} names no versions: {revision}")
        return found["Current"], found["Target"]

    def report(self, *, succeeded: bool) -> None:
        """Let the deployment continue, or fail it."""
        self._client.put_lifecycle_event_hook_execution_status(
            deploymentId=self.id,
            lifecycleEventHookExecutionId=self._execution,
            status="Succeeded" if succeeded else "Failed",
        )


def ask_judge(judge: str, deployment: str) -> Mapping[str, Any]:
    """Return the last word of the function that judges roll-outs.

    Raises:
        CloudError: it has failed.
    """
    payload = json.dumps({"final": deployment}).encode()
    answer = _client("lambda").invoke(FunctionName=judge, Payload=payload)
    content = answer["Payload"].read()
    if "FunctionError" in answer:
        raise CloudError(f"the judge {judge} has failed: {content.decode()[:_LONGEST_SHOWN]}")
    document: Mapping[str, Any] = json.loads(content)
    return document


class ModelFunction:
    """The model's function.

    Args:
        name: its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = _client("lambda")

    def invoke(self, version: int, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of a version.

        Raises:
            CloudError: it crashed, or the answer is not a JSON object.
        """
        answer = self._invoke_once_there(str(version), json.dumps(event).encode())
        content = answer["Payload"].read()
        if "FunctionError" in answer:
            raise CloudError(f"version {version} of {self.name} crashed: {content.decode()}")
        document = read_answer(content)
        if not isinstance(document, dict):
            raise CloudError(f"version {version} of {self.name} answered {document!r}")
        return document

    def _invoke_once_there(self, version: str, payload: bytes) -> Any:
        """Invoke a version; a new version and its permissions take some time to take effect."""
        for wait_s in (*_PROPAGATION_S, None):
            try:
                return self._client.invoke(
                    FunctionName=self.name, Qualifier=version, Payload=payload
                )
            except ClientError as error:
                if wait_s is None or error.response["Error"]["Code"] not in _NOT_YET:
                    raise
                time.sleep(wait_s)
        raise AssertionError

    def versions(self) -> Iterator[int]:
        """Yield the published versions."""
        pages = self._client.get_paginator("list_versions_by_function")
        for page in pages.paginate(FunctionName=self.name):
            for version in page["Versions"]:
                if version["Version"].isdecimal():
                    yield int(version["Version"])

    def aliased_versions(self) -> Iterator[int]:
        """Yield the versions that get requests through an alias."""
        pages = self._client.get_paginator("list_aliases")
        for page in pages.paginate(FunctionName=self.name):
            for alias in page["Aliases"]:
                shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
                yield from (int(it) for it in (alias["FunctionVersion"], *shares) if it.isdecimal())

    def delete(self, version: int) -> str | None:
        """Delete a version; return why it cannot be deleted, or None."""
        try:
            self._client.delete_function(FunctionName=self.name, Qualifier=str(version))
        except ClientError as error:
            return str(error)
        return None
