import re

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from lading.api.caller import Caller
from lading.cli.smoke.checks import Check
from lading.cli.smoke.proofs import find_proofs
from lading.stacks.monitoring.alarms import CanaryAlarms, topic_by_name
from lading.stacks.monitoring.signals import WatchedModel

DEPLOYED = "https://abc.execute-api.eu-west-1.amazonaws.com/dev"
SIGNED, HOLDER = Caller(), Caller(token="lading_" + "t" * 43)


def check(wrong: str = "", *, gateway: bool = True) -> Check:
    return Check("digits", "plain, base URL", 1, wrong, 1.0, gateway)


def proved(answer: Check, refusal: Check, url: str = DEPLOYED, caller: Caller = SIGNED) -> set[str]:
    found = find_proofs(url, caller, [answer], [refusal])
    return {proof.claim for proof in found if proof.proved}


ALWAYS = {
    "API Gateway, its stage and its permissions",
    "roles let functions read what they need",
    "TLS",
}


def test_a_good_run_proves_what_calls_can_show() -> None:
    assert proved(check(), check()) == {*ALWAYS, "IAM signatures"}
    assert proved(check(), check(), caller=HOLDER) == {*ALWAYS, "bearer tokens"}


@pytest.mark.parametrize(
    ("answer", "refusal", "url"),
    [
        (check("version 1 answered, not 2"), check(), DEPLOYED),
        (check(gateway=False), check(), DEPLOYED),
        (check(), check(gateway=False), DEPLOYED),
        (check(), check(), "http://127.0.0.1:8080"),
        (check(), check(), "http://localhost:8080"),
    ],
)
def test_wrong_answers_and_other_servers_prove_nothing(
    answer: Check, refusal: Check, url: str
) -> None:
    assert proved(answer, refusal, url) == set()


def test_a_stranger_who_is_answered_proves_no_lock_on_the_door() -> None:
    assert proved(check(), check("status 200, must be 401 or 403")) == ALWAYS


def test_what_no_call_shows_is_never_proved_and_says_where_to_look() -> None:
    found = {proof.claim: proof for proof in find_proofs(DEPLOYED, SIGNED, [check()], [check()])}
    for claim in ("CodeDeploy shifts traffic", "SnapStart", "firewall", "alarms reach people"):
        assert not found[claim].proved
        assert found[claim].how


def test_the_alarms_that_it_names_are_those_of_the_template() -> None:
    stack = Stack(App(), "watched")
    model = WatchedModel("digits", "digits-function", error_rate=0.02, p99_ms=750)
    topic = topic_by_name(stack, "lading-dev-alarms")
    CanaryAlarms(stack, "Canary", model=model, executed_version="7", topic=topic)
    made = {
        alarm["Properties"]["AlarmName"]
        for alarm in Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    }
    found = {proof.claim: proof for proof in find_proofs(DEPLOYED, SIGNED, [check()], [check()])}
    how = found["alarms roll a new version back"].how
    named = {f"digits-function-{end}" for end in re.findall(r"<function>-([a-z-]+)", how)}
    assert len(named) == 2
    assert named <= made
