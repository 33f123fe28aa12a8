"""The emulated CodeDeploy, through a stock boto3."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lading.emulator.cloud.codedeploy import CodeDeploy, EmulatedDeployment, Order
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving

ORDER = Order("f", "live", "1", "2", "linear-10-percent-every-10-minutes", after="after")


@dataclass
class Account:
    """Stands for Lambda: the alias, and a hook that reports what a test wants."""

    routed: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    reports: str = "Succeeded"
    client: Any = None

    def __call__(self, _service: str) -> "Account":
        return self

    def update_alias(self, **request: Any) -> None:
        weights = request["RoutingConfig"]["AdditionalVersionWeights"]
        self.routed.append((request["FunctionVersion"], weights))

    def invoke(self, **request: Any) -> None:
        assert request["FunctionName"] == "after"
        event = json.loads(request["Payload"])
        self.client.put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=self.reports,
        )


@dataclass
class World:
    account: Account
    service: CodeDeploy
    now: list[float]

    def run(self, deployment: EmulatedDeployment) -> None:
        for _ in range(11):
            self.service.advance(deployment)


@pytest.fixture
def world() -> Iterator[World]:
    account, now = Account(), [1000.0]
    service = CodeDeploy(account, clock=lambda: now[0])
    with uvicorn_serving(service) as address, aws(f"http://{address}"):
        account.client = boto3.client("codedeploy")
        yield World(account, service, now)


def status(world: World, id_: str) -> str:
    found = world.account.client.get_deployment(deploymentId=id_)
    return str(found["deploymentInfo"]["status"])


def test_traffic_shifts_step_by_step_and_the_hook_ends_it(world: World) -> None:
    made = world.service.begin(ORDER)
    assert world.account.routed == [("1", {"2": 0.1})]
    world.run(made)
    assert [weights.get("2") for _, weights in world.account.routed[:9]] == pytest.approx(
        [share / 10 for share in range(1, 10)]
    )
    assert world.account.routed[9:] == [("2", {})]
    assert status(world, made.id) == "Succeeded"


def test_a_step_is_taken_when_it_is_due(world: World) -> None:
    world.service.begin(ORDER)
    world.now[0] += 599
    world.service.advance_due()
    assert len(world.account.routed) == 1
    world.now[0] += 1
    world.service.advance_due()
    assert len(world.account.routed) == 2


def test_a_hook_that_refuses_brings_the_old_version_back(world: World) -> None:
    world.account.reports = "Failed"
    made = world.service.begin(ORDER)
    world.run(made)
    assert status(world, made.id) == "Failed"
    assert world.account.routed[-1] == ("1", {})


def test_a_stopped_deployment_is_followed_by_a_rollback(world: World) -> None:
    made, client = world.service.begin(ORDER), world.account.client
    stopped = client.stop_deployment(deploymentId=made.id, autoRollbackEnabled=True)
    assert stopped["status"] == "Succeeded"
    assert status(world, made.id) == "Stopped"
    assert world.account.routed[-1] == ("1", {})
    names = {"applicationName": "f", "deploymentGroupName": "f"}
    both = client.list_deployments(**names)["deployments"]
    rollback = client.get_deployment(deploymentId=both[1])["deploymentInfo"]
    assert (rollback["creator"], rollback["status"]) == ("codeDeployRollback", "Succeeded")
    assert client.list_deployments(**names, includeOnlyStatuses=["InProgress"])["deployments"] == []


def test_without_rollback_the_alias_keeps_its_weights(world: World) -> None:
    made = world.service.begin(ORDER)
    world.account.client.stop_deployment(deploymentId=made.id, autoRollbackEnabled=False)
    world.run(made)
    assert world.account.routed == [("1", {"2": 0.1})]


def test_what_has_ended_cannot_be_stopped_and_what_is_not_there_is_refused(world: World) -> None:
    made, client = world.service.begin(ORDER), world.account.client
    client.stop_deployment(deploymentId=made.id, autoRollbackEnabled=True)
    for id_, code in (
        (made.id, "DeploymentAlreadyCompletedException"),
        ("d-00000000F", "DeploymentDoesNotExistException"),
    ):
        with pytest.raises(ClientError, match=code):
            client.stop_deployment(deploymentId=id_)
