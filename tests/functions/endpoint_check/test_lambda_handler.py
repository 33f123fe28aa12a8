"""The custom resource that holds an endpoint to what its deployment asked for."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.endpoint_check.sagemaker import LocalSageMaker

GROUP = "/aws/sagemaker/Endpoints/chat"
COMPONENT: dict[str, Any] = {"Component": "part", "Model": "new-model"}


@pytest.fixture
def aws() -> Iterator[LocalSageMaker]:
    with LocalSageMaker() as aws:
        yield aws


def endpoint(status: str = "InService", config: str = "new", **more: Any) -> dict[str, Any]:
    return {"EndpointStatus": status, "EndpointConfigName": config, **more}


def component(status: str = "InService", model: str = "new-model", **more: Any) -> dict[str, Any]:
    specification = {"Specification": {"ModelName": model}}
    return {"InferenceComponentStatus": status, **specification, **more}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_an_endpoint_that_runs_what_was_asked_for_passes(aws: LocalSageMaker, kind: str) -> None:
    aws.endpoint.append(endpoint())
    answer = aws.ask(kind)
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "")
    assert answer["PhysicalResourceId"] == "EndpointCheck-endpoint-check"


def test_an_old_version_that_came_back_silently_fails_the_deployment(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint(config="old"))
    answer = aws.ask(Alarms="chat-errors, mine")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("endpoint chat runs old, not new: SageMaker has rolled")
    assert "the alarms (chat-errors, mine)" in answer["Reason"]


def test_an_update_that_is_under_way_is_waited_for(aws: LocalSageMaker) -> None:
    aws.endpoint += [endpoint("Updating", "old"), endpoint("RollingBack"), endpoint()]
    assert aws.ask()["Status"] == "SUCCESS"


def test_an_update_that_never_ends_fails_before_the_function_does(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint("Updating"))
    answer = aws.ask(left_ms=20_000)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "endpoint chat is Updating for too long"


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_serves_nothing_fails_with_sagemakers_reason(
    aws: LocalSageMaker, status: str
) -> None:
    aws.endpoint.append(endpoint(status, FailureReason="/ping did not pass"))
    assert aws.ask()["Reason"] == f"endpoint chat is {status}: /ping did not pass"


def test_a_component_that_runs_what_was_asked_for_passes(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint())
    aws.component += [component("Updating"), component()]
    assert aws.ask(**COMPONENT)["Status"] == "SUCCESS"


def test_a_components_old_model_that_came_back_fails_the_deployment(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint())
    aws.component.append(component(model="old-model"))
    reason = aws.ask(**COMPONENT)["Reason"]
    assert reason.startswith("inference component part runs old-model, not new-model")


def test_each_instance_type_of_a_component_is_looked_at(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint())
    several = [{"ModelName": "new-model"}, {"ModelName": "old-model"}]
    aws.component.append({"InferenceComponentStatus": "InService", "Specifications": several})
    assert aws.ask(**COMPONENT)["Status"] == "FAILED"


def test_a_component_that_failed_says_why(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint())
    aws.component.append(component("Failed", FailureReason="no accelerator left"))
    reason = aws.ask(**COMPONENT)["Reason"]
    assert reason == "inference component part is Failed: no accelerator left"


@pytest.mark.parametrize("there", [True, False])
def test_the_containers_log_is_bounded(aws: LocalSageMaker, there: bool) -> None:
    aws.endpoint.append(endpoint())
    aws.groups = {GROUP: None} if there else {}
    aws.ask()
    assert aws.groups == {GROUP: 30}


def test_what_cannot_be_asked_fails_the_deployment(aws: LocalSageMaker) -> None:
    aws.broken = True
    answer = aws.ask()
    assert answer["Status"] == "FAILED"
    assert "AccessDenied" in answer["Reason"]


def test_nothing_is_asked_when_the_endpoint_goes(aws: LocalSageMaker) -> None:
    assert aws.ask("Delete")["Status"] == "SUCCESS"
