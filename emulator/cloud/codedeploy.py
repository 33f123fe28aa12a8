"""CodeDeploy on this machine, for functions of an emulated account: it shifts traffic in steps.

An ASGI application that answers the operations of the `codedeploy` API which hooks and the judge
of roll-outs use: an unmodified boto3 works with it. A shift changes the weights of the function's
alias, step by step. It ends with the hook after traffic, or when it is stopped: then a rollback,
which is a deployment too, gives all traffic back to the old version.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal, NamedTuple

from lading.emulator.cloud.shift_steps import TrafficShare, steps_of
from lading.emulator.processes.json_object import json_object
from lading.emulator.sagemaker.answer import EmulatedAnswer
from lading.functions.inference.wire.asgi import Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers

Client = Callable[[str], Any]
"""Returns boto3's client of a service in the emulated account."""

Status = Literal["InProgress", "Succeeded", "Failed", "Stopped"]

_AFTER_HOOK: Final = "hook-after-traffic"


class Order(NamedTuple):
    """What a deployment shifts: an alias of a function from one version to another.

    Args:
        function: name of the function, and of its application and group.
        alias: name of the alias.
        old: the version that traffic shifts from.
        new: the version that it shifts to.
        rollout: the name of the steps, as in stages.yaml.
        after: name of the function that is the hook after traffic; empty: there is none.
    """

    function: str
    alias: str
    old: str
    new: str
    rollout: str
    after: str = ""


@dataclass(slots=True)
class EmulatedDeployment:
    """One deployment, and how far it is."""

    id: str
    order: Order
    status: Status
    creator: str
    started: float
    steps: list[TrafficShare] = field(default_factory=list)
    due: float = 0.0
    """When the next step is due, in seconds since 1970."""

    def described(self) -> dict[str, Any]:
        """Return what GetDeployment says of it."""
        order = self.order
        properties = {
            "Name": order.function,
            "Alias": order.alias,
            "CurrentVersion": order.old,
            "TargetVersion": order.new,
        }
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        specification = {"version": 0.0, "Resources": [{order.function: resource}]}
        return {
            "deploymentId": self.id,
            "applicationName": order.function,
            "deploymentGroupName": order.function,
            "status": self.status,
            "creator": self.creator,
            "createTime": self.started,
            "startTime": self.started,
            "revision": {
                "revisionType": "AppSpecContent",
                "appSpecContent": {"content": json.dumps(specification)},
            },
        }


class CodeDeploy:
    """The API, and the deployments under way.

    Args:
        client: returns clients of the account whose aliases it changes.
        clock: returns the time, in seconds since 1970.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self.deployments: dict[str, EmulatedDeployment] = {}
        self._client, self._clock = client, clock
        self._lock, self._numbers = threading.RLock(), count(1)
        self._hooks: dict[str, str] = {}

    async def start(self) -> None:
        """Nothing runs before the first deployment."""

    async def stop(self) -> None:
        """Nothing runs between steps."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        operation = read_headers(scope["headers"]).get("x-amz-target", "").rpartition(".")[2]
        document = json_object(await _body(receive))
        try:
            answer = _OPERATIONS[operation](self, document or {})
        except _Refused as refused:
            error = {"__type": refused.code, "message": refused.code}
            await EmulatedAnswer(send).whole(400, {}, json.dumps(error))
        else:
            await EmulatedAnswer(send).whole(200, {}, json.dumps(answer))

    def begin(self, order: Order) -> EmulatedDeployment:
        """Start to shift traffic: take the first step."""
        with self._lock:
            made = self._made(order, "InProgress", "user", steps_of(order.rollout))
            self._take(made)
        return made

    def advance(self, deployment: EmulatedDeployment) -> None:
        """Take the next step; after the last one, let the hook after traffic decide."""
        with self._lock:
            if deployment.status != "InProgress":
                return
            if deployment.steps:
                self._take(deployment)
                return
            self._hooks.pop(deployment.id, None)
        passed = self._ask_hook(deployment)
        with self._lock:
            if deployment.status == "InProgress":
                self._end(deployment, "Succeeded" if passed else "Failed")

    def advance_due(self) -> None:
        """Take the steps that are due by the clock."""
        for deployment in list(self.deployments.values()):
            if deployment.status == "InProgress" and deployment.due <= self._clock():
                self.advance(deployment)

    def find(self, request: Mapping[str, Any]) -> EmulatedDeployment:
        """Return the deployment that a request names.

        Raises:
            _Refused: there is none.
        """
        found = self.deployments.get(str(request.get("deploymentId")))
        if found is None:
            raise _Refused("DeploymentDoesNotExistException")
        return found

    def stop_by_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Stop a deployment, and roll it back if that is wanted."""
        with self._lock:
            deployment = self.find(request)
            if deployment.status != "InProgress":
                raise _Refused("DeploymentAlreadyCompletedException")
            self._end(deployment, "Stopped", back=request.get("autoRollbackEnabled") is True)
        return {"status": "Succeeded", "statusMessage": "No more traffic is shifted"}

    def report_hook(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Note what a hook reports."""
        self._hooks[self.find(request).id] = str(request.get("status"))
        return {"lifecycleEventHookExecutionId": _AFTER_HOOK}

    def _made(
        self, order: Order, status: Status, creator: str, steps: tuple[TrafficShare, ...] = ()
    ) -> EmulatedDeployment:
        id_ = f"d-{next(self._numbers):09X}"
        made = EmulatedDeployment(id_, order, status, creator, self._clock(), list(steps))
        self.deployments[id_] = made
        return made

    def _take(self, deployment: EmulatedDeployment) -> None:
        step, order = deployment.steps.pop(0), deployment.order
        deployment.due = self._clock() + step.minutes * 60
        if step.share == 1:
            self._route(order, order.new, {})
        else:
            self._route(order, order.old, {order.new: step.share})

    def _route(self, order: Order, version: str, weights: Mapping[str, float]) -> None:
        self._client("lambda").update_alias(
            FunctionName=order.function,
            Name=order.alias,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": dict(weights)},
        )

    def _end(self, deployment: EmulatedDeployment, status: Status, *, back: bool = True) -> None:
        deployment.status = status
        if status != "Succeeded" and back:
            order = deployment.order
            self._route(order, order.old, {})
            rollback = order._replace(old=order.new, new=order.old)
            self._made(rollback, "Succeeded", "codeDeployRollback")

    def _ask_hook(self, deployment: EmulatedDeployment) -> bool:
        """Return whether the hook after traffic lets the deployment succeed."""
        if not deployment.order.after:
            return True
        event = {"DeploymentId": deployment.id, "LifecycleEventHookExecutionId": _AFTER_HOOK}
        self._client("lambda").invoke(
            FunctionName=deployment.order.after, Payload=json.dumps(event).encode()
        )
        return self._hooks.get(deployment.id) == "Succeeded"


class _Refused(Exception):
    """An error response of CodeDeploy; its text is the code."""

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self)


def _list(service: CodeDeploy, request: Mapping[str, Any]) -> dict[str, Any]:
    group, statuses = request.get("deploymentGroupName"), request.get("includeOnlyStatuses")
    return {
        "deployments": [
            it.id
            for it in service.deployments.values()
            if it.order.function == group and (not statuses or it.status in statuses)
        ]
    }


_OPERATIONS: Final[Mapping[str, Callable[[CodeDeploy, Mapping[str, Any]], dict[str, Any]]]] = {
    "ListDeployments": _list,
    "GetDeployment": lambda service, request: {"deploymentInfo": service.find(request).described()},
    "StopDeployment": CodeDeploy.stop_by_request,
    "PutLifecycleEventHookExecutionStatus": CodeDeploy.report_hook,
}


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body
