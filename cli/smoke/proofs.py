"""What only a real account can prove, and what of it a run of `lading smoke` just did."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lading.cli.aws.signing import Caller, is_here
from lading.cli.smoke.checks import Check


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim of the stacks.

    Args:
        claim: what they promise.
        proved: whether this run showed it.
        how: what showed it, or where to look.
    """

    claim: str
    proved: bool
    how: str


def find_proofs(
    url: str, caller: Caller, answers: Sequence[Check], refusals: Sequence[Check]
) -> Sequence[Proof]:
    """Every claim, with what these checks say of it.

    Args:
        url: the API that was asked.
        caller: who asked.
        answers: how the models answered.
        refusals: how those without credentials were answered.
    """
    here = is_here(urlsplit(url).hostname or "")
    there = not here and all(check.gateway for check in (*answers, *refusals))
    right = there and not any(check.wrong for check in answers)
    kept_out = bool(refusals) and not any(check.wrong for check in refusals)
    token = caller.token is not None
    return (
        Proof("API Gateway, its stage and its permissions", right, "its mark is on every answer"),
        Proof("roles let functions read what they need", right, "every model answered"),
        Proof(
            "TLS",
            right and urlsplit(url).scheme == "https",
            "the certificate is good; which old versions are refused shows "
            "`openssl s_client -tls1_1 -connect HOST:443`",
        ),
        Proof(
            "IAM signatures",
            right and kept_out and not token,
            "a signed call was answered, none and a forged one were not; needs `auth: iam`",
        ),
        Proof(
            "bearer tokens",
            right and kept_out and token,
            "a token was answered, none and a forged one were not; needs `auth: token`",
        ),
        *_ELSEWHERE,
    )


_ELSEWHERE = (
    Proof(
        "CodeDeploy shifts traffic",
        False,
        "deploy another version; `aws deploy list-deployments` and the operations dashboard show "
        "it",
    ),
    Proof(
        "alarms bring an old version back",
        False,
        "`aws cloudwatch set-alarm-state` on <function>-canary-errors during a shift",
    ),
    Proof("SnapStart", False, "`Restore Duration` in the REPORT lines of the function's log"),
    Proof("usage plans and throttling", False, "429 above `throttling.rate` of stages.yaml"),
    Proof("firewall", False, "`aws wafv2 get-sampled-requests`; it stands in production alone"),
    Proof("alarms reach somebody", False, "confirm the mail of SNS; set an alarm's state by hand"),
    Proof("traces", False, "the service map of X-Ray, minutes after a call"),
    Proof(
        "keys and access logs", False, "CloudTrail has kms:Decrypt; the log bucket fills in hours"
    ),
)
"""What no call of the API shows."""
