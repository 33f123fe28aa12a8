"""The deployments of one CodeDeploy group: which one is under way, and how to stop it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from lading.functions.judge.rollouts import Shift

_VERSION = re.compile(r"""(Current|Target)Version["']?\s*:\s*["']?([0-9]+)""")
_ROLLBACKS: Final = frozenset({"codeDeployRollback", "CloudFormationRollback"})
"""Who has created a deployment that brings an old version back; none of these is judged."""
_TOO_LATE: Final = "DeploymentAlreadyCompletedException"


class Deployments:
    """The deployments of a group.

    Args:
        application: name of its application.
        group: name of the group.
    """

    def __init__(self, application: str, group: str) -> None:
        self._application, self._group = application, group
        client: Callable[..., Any] = boto3.client
        self._client = client("codedeploy")

    def current(self) -> Shift | None:
        """Return the deployment that is under way; None for none, or for one that goes back."""
        found = self._client.list_deployments(
            applicationName=self._application,
            deploymentGroupName=self._group,
            includeOnlyStatuses=["InProgress"],
        )
        shifts = map(self.shift, found["deployments"])
        return next((shift for shift in shifts if shift), None)

    def shift(self, deployment: str) -> Shift | None:
        """Return what a deployment does; None if it brings an old version back.

        Raises:
            ValueError: it does not name its versions.
        """
        info: Mapping[str, Any] = self._client.get_deployment(deploymentId=deployment)[
            "deploymentInfo"
        ]
        if info.get("creator") in _ROLLBACKS:
            return None
        revision = info["revision"]
        specification = revision.get("appSpecContent") or revision.get("string") or {}
        versions = dict(_VERSION.findall(specification.get("content", "")))
        if versions.keys() != {"Current", "Target"}:
            raise ValueError(f"deployment {deployment} names no versions")
        started: datetime = info.get("startTime") or info["createTime"]
        at_ms = int(started.timestamp() * 1000)
        return Shift(deployment, versions["Current"], versions["Target"], at_ms)

    def stop(self, deployment: str) -> str:
        """Stop a deployment, so that all traffic goes to the old version again.

        Returns:
            What became of it: CodeDeploy's status, or that it was too late.
        """
        try:
            found = self._client.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != _TOO_LATE:
                raise
            return "the deployment has ended before it could be stopped"
        return str(found["status"])
