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


def judged(aws: LocalSageMaker, passes: bool, **more: Any) -> None:
    """Let a judge say this of the update."""
    side = {"version": "4", "requests": 50, "errors": 20, "p50_ms": 20.5, "p90_ms": 31.0}
    aws.word = {
        "verdict": "worse",
        "reason": "",
        "old": {**side, "version": "3", "errors": 0},
        "new": side,
        "findings": [{"measure": "errors", "evidence": 12345.6, "limit": 50.0}],
        "passes": passes,
        **more,
    }


def test_an_update_that_was_rolled_back_fails_with_the_judges_figures(aws: LocalSageMaker) -> None:
    aws.endpoint.append(endpoint(config="old"))
    judged(aws, passes=False)
    answer = aws.ask(judge="judge")
    assert answer["Status"] == "FAILED"
    assert "runs old, not new: SageMaker has rolled the update back" in answer["Reason"]
    assert (
        "the judge says 'worse': old version 3: 0 of 50 requests failed, p50 20.5 ms, p90 31.0 ms; "
        "new version 4: 20 of 50 requests failed, p50 20.5 ms, p90 31.0 ms; "
        "evidence that it is worse: errors 1.23e+04 (limit 50)"
    ) in answer["Reason"]
    assert aws.asked == [{"final": "new"}]


@pytest.mark.parametrize(("passes", "status"), [(True, "SUCCESS"), (False, "FAILED")])
def test_the_judge_has_the_last_word_on_an_update(
    aws: LocalSageMaker, passes: bool, status: str
) -> None:
    aws.endpoint.append(endpoint())
    judged(aws, passes, verdict="too little traffic")
    answer = aws.ask(judge="judge")
    assert answer["Status"] == status
    assert ("too little traffic" in answer["Reason"]) is not passes


@pytest.mark.parametrize(("policy", "status"), [("hold", "SUCCESS"), ("roll_back", "FAILED")])
def test_a_judge_that_fails_is_treated_as_the_stage_says(
    aws: LocalSageMaker, policy: str, status: str
) -> None:
    aws.endpoint.append(endpoint())
    assert aws.ask(judge="judge", on_broken=policy)["Status"] == status


@pytest.mark.parametrize(("kind", "old"), [("Create", "old"), ("Update", "new")])
def test_a_judge_is_not_asked_where_there_was_no_update(
    aws: LocalSageMaker, kind: str, old: str
) -> None:
    aws.endpoint.append(endpoint())
    assert aws.ask(kind, judge="judge", old=old)["Status"] == "SUCCESS"
    assert aws.asked == []
