import pytest

from lading.cli.aws.signing import Caller
from lading.cli.smoke.checks import Check
from lading.cli.smoke.proofs import find_proofs

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
    assert proved(check(), check("status 200, where 401 or 403 must be")) == ALWAYS


def test_what_no_call_shows_is_never_proved_and_says_where_to_look() -> None:
    found = {proof.claim: proof for proof in find_proofs(DEPLOYED, SIGNED, [check()], [check()])}
    for claim in ("CodeDeploy shifts traffic", "SnapStart", "firewall", "alarms reach somebody"):
        assert not found[claim].proved
        assert found[claim].how
