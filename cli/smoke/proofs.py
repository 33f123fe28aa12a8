"""Claims that only a real AWS account can prove, and which a run of `lading smoke` proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lading.cli.aws.signing import Caller, is_here
from lading.cli.smoke.checks import Check
from lading.functions.contract.alarms import ALARMS, alarm_name


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim about a deployment.

    Args:
        claim: what the stacks promise.
        proved: whether this run proved it.
        how: what proved it, or how to prove it.
    """

    claim: str
    proved: bool
    how: str


def find_proofs(
    url: str, caller: Caller, answers: Sequence[Check], refusals: Sequence[Check]
) -> Sequence[Proof]:
    """Return every claim, and whether these checks prove it.

    Args:
        url: URL of the API.
        caller: the caller of the checks.
        answers: checks of the models.
        refusals: checks of callers without valid credentials.
    """
    here = is_here(urlsplit(url).hostname or "")
    there = not here and all(check.gateway for check in (*answers, *refusals))
    right = there and not any(check.wrong for check in answers)
    kept_out = bool(refusals) and not any(check.wrong for check in refusals)
    token = caller.token is not None
    return (
        Proof(
            "API Gateway, its stage and its permissions", right, "its header is on each response"
        ),
        Proof("roles let functions read what they need", right, "every model answered"),
        Proof(
            "TLS",
            right and urlsplit(url).scheme == "https",
            "the certificate is valid; `openssl s_client -tls1_1 -connect HOST:443` shows whether "
            "old versions are refused",
        ),
        Proof(
            "IAM signatures",
            right and kept_out and not token,
            "signed calls were answered, unsigned and forged ones refused; needs `auth: iam`",
        ),
        Proof(
            "bearer tokens",
            right and kept_out and token,
            "calls with a token were answered, others refused; needs `auth: token`",
        ),
        *_ELSEWHERE,
    )


_ROLLBACK = " or ".join(
    alarm_name("<function>", alarm) for alarm in (ALARMS.canary_crashes, ALARMS.canary_failures)
)
_ELSEWHERE = (
    Proof(
        "CodeDeploy shifts traffic",
        False,
        "deploy another version; see `aws deploy list-deployments` and the operations dashboard",
    ),
    Proof(
        "alarms roll a new version back",
        False,
        f"run `aws cloudwatch set-alarm-state` on {_ROLLBACK} during a shift",
    ),
    Proof("SnapStart", False, "see `Restore Duration` in the REPORT lines of the function's log"),
    Proof("usage plans and throttling", False, "send more than `throttling.rate` of stages.yaml"),
    Proof("firewall", False, "see `aws wafv2 get-sampled-requests`; only production has one"),
    Proof("alarms reach people", False, "confirm the email of SNS, then set an alarm's state"),
    Proof("traces", False, "see the service map of X-Ray, minutes after a call"),
    Proof(
        "keys and access logs",
        False,
        "see kms:Decrypt in CloudTrail; access logs are in their bucket after hours",
    ),
)
"""The claims that no call of the API can prove."""
