"""The control plane says why an endpoint does not answer, and is asked seldom."""

from typing import Any

import boto3
import pytest

from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.endpoint.state import EndpointState
from tests.support import sagemaker

MISSING = {"__type": "ValidationException", "message": 'Could not find endpoint "e".'}


def state_of(component: str = "", **described: Any) -> str:
    with sagemaker.running(**described):
        return EndpointState(
            ServedEndpoint("e", component), lambda: boto3.client("sagemaker")
        ).ask()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("InService", "ready"),
        ("Creating", "updating"),
        ("Updating", "updating"),
        ("SystemUpdating", "updating"),
        ("RollingBack", "updating"),
        ("Failed", "failed"),
        ("OutOfService", "failed"),
        ("Deleting", "failed"),
        ("UpdateRollbackFailed", "failed"),
        ("Unheard Of", ""),
    ],
)
def test_the_endpoint_says_what_it_is_doing(status: str, state: str) -> None:
    assert state_of(DescribeEndpoint={"EndpointStatus": status}) == state


@pytest.mark.parametrize(
    ("status", "copies", "state"),
    [
        ("InService", 1, "ready"),
        ("InService", 0, "cold"),
        ("Updating", 0, "cold"),
        ("Updating", 2, "updating"),
        ("Creating", 1, "updating"),
        ("Failed", 0, "failed"),
    ],
)
def test_a_component_without_copies_is_cold(status: str, copies: int, state: str) -> None:
    component = {"InferenceComponentStatus": status, "RuntimeConfig": {"CurrentCopyCount": copies}}
    found = state_of(
        "c", DescribeEndpoint={"EndpointStatus": "InService"}, DescribeInferenceComponent=component
    )
    assert found == state


def test_an_endpoint_that_is_not_there_has_failed() -> None:
    assert state_of(DescribeEndpoint=MISSING) == "failed"


def test_who_may_not_ask_knows_nothing() -> None:
    assert state_of() == ""


def test_an_answer_is_remembered_for_a_while() -> None:
    asked = []

    class Control:
        def describe_endpoint(self, **_which: str) -> dict[str, str]:
            asked.append(1)
            return {"EndpointStatus": "Updating"}

    state = EndpointState(ServedEndpoint("e"), Control)
    assert [state.ask(), state.ask()] == ["updating", "updating"]
    assert len(asked) == 1
