"""SageMaker's updates of an endpoint: shares of the traffic, alarms, and the way back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.endpoint import Exchanged, Fleet
from lading.emulator.sagemaker.refusals import SageMakerRefusal
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.emulator.sagemaker.updates import TrafficSteps, Updates
from tests.support.emulator_sagemaker import Served, contrary, endpoint, quick
from tests.support.waiting import until

NEW = {"EndpointName": "e", "EndpointConfigName": "new"}


class Alarms:
    """Stands for CloudWatch: one alarm, which a test sets off."""

    def __init__(self) -> None:
        self.state, self.asked = "OK", set[str]()

    def __call__(self) -> "Alarms":
        return self

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803 boto3's name
        self.asked |= set(AlarmNames)
        return {"MetricAlarms": [{"StateValue": self.state}]}


def canary(wait_s: int, percent: int = 50) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait_s}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "worse"}]},
    }


def wait(client: Any, reached: Callable[[Any], bool]) -> Any:
    def described() -> Any:
        found = client.describe_endpoint(EndpointName="e")
        return found if reached(found) else None

    return until(described)


def in_service(found: Any) -> bool:
    return bool(found["EndpointStatus"] == "InService")


def baking(found: Any) -> bool:
    (variant,) = found["PendingDeploymentSummary"]["ProductionVariants"]
    return bool(variant["VariantStatus"][0]["Status"] == "Baking")


def updated(folder: Path, alarms: Alarms, seen: list[Exchanged], *habits: str) -> SageMakerRuntime:
    async def note(exchanged: Exchanged) -> None:
        seen.append(exchanged)

    fleets = {"new": Fleet("new", contrary(folder, *habits), "4")}
    model = endpoint(folder, limits=quick(), config="old", version="3")
    return SageMakerRuntime([model], updates=Updates(fleets, alarms), note=note)


def test_traffic_is_shared_while_an_update_bakes_and_an_alarm_takes_it_back(tmp_path: Path) -> None:
    alarms, seen = Alarms(), list[Exchanged]()
    runtime = updated(tmp_path, alarms, seen, "fails")
    with in_background(runtime, runtime) as port:
        served = Served(port)
        with served.open:
            served.control.update_endpoint(**NEW, DeploymentConfig=canary(3600))
            found = wait(served.control, baking)
            assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "old")
            assert found["PendingDeploymentSummary"]["EndpointConfigName"] == "new"
            model = served.control.describe_model(ModelName="new")
            assert model["PrimaryContainer"]["Environment"] == {"LADING_MODEL_VERSION": "4"}
            failures = [code_of(served) for _ in range(40)]
            with pytest.raises(ClientError, match="in-progress"):
                served.control.update_endpoint(**NEW)
            alarms.state = "ALARM"
            after = wait(served.control, in_service)
            assert after["EndpointConfigName"] == "old"
            assert code_of(served) == ""
    assert 5 < failures.count("ModelError") < 35
    assert {it.config for it in seen if it.status == 500} == {"new"}
    assert {it.config for it in seen if it.status == 200} == {"old"}
    assert alarms.asked == {"worse"}


def code_of(served: Served) -> str:
    try:
        served.invoke()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_without_an_alarm_the_new_fleet_gets_all_traffic(tmp_path: Path) -> None:
    seen = list[Exchanged]()
    runtime = updated(tmp_path, Alarms(), seen)
    with in_background(runtime, runtime) as port:
        served = Served(port)
        with served.open:
            served.control.update_endpoint(**NEW, DeploymentConfig=canary(0))
            found = wait(served.control, in_service)
            assert found["EndpointConfigName"] == "new"
            assert "PendingDeploymentSummary" not in found
            served.invoke()
    assert [it.config for it in seen] == ["new"]


def test_a_fleet_that_does_not_start_leaves_the_old_one_in_service(tmp_path: Path) -> None:
    runtime = SageMakerRuntime(
        [endpoint(tmp_path, limits=quick(), config="old")],
        updates=Updates({"new": Fleet("new", dying(tmp_path))}),
    )
    with in_background(runtime, runtime) as port:
        served = Served(port)
        with served.open:
            served.control.update_endpoint(**NEW)
            assert wait(served.control, in_service)["EndpointConfigName"] == "old"
            assert code_of(served) == ""


def dying(folder: Path) -> Any:
    engine = contrary(folder)
    program = engine.program
    return type(engine)("e", type(program)(["/bin/false"], {}), folder / "dying.log")


def test_an_unknown_configuration_is_refused(tmp_path: Path) -> None:
    runtime = updated(tmp_path, Alarms(), [])
    with in_background(runtime, runtime) as port:
        served = Served(port)
        with served.open, pytest.raises(ClientError, match="Could not find endpoint configuration"):
            served.control.update_endpoint(EndpointName="e", EndpointConfigName="other")


@pytest.mark.parametrize(
    ("routing", "shares"),
    [
        ({}, (1.0,)),
        ({"Type": "CANARY", "CanarySize": {"Value": 10}}, (0.1, 1.0)),
        ({"Type": "LINEAR", "LinearStepSize": {"Value": 40}}, (0.4, 0.8, 1.0)),
    ],
    ids=["all at once", "canary", "linear"],
)
def test_the_steps_of_a_policy(routing: dict[str, Any], shares: tuple[float, ...]) -> None:
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    assert TrafficSteps.of(policy).shares == shares


def test_a_step_of_more_than_half_is_refused() -> None:
    routing = {"Type": "CANARY", "CanarySize": {"Value": 60}}
    with pytest.raises(SageMakerRefusal, match="CanarySize must be 1 to 50 percent, got 60"):
        TrafficSteps.of({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}})
