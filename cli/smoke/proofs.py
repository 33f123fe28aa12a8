"""Claims that only a real AWS account can prove, and which a run of `lading smoke` proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lading.api.caller import Caller, is_here
from lading.cli.smoke.checks import Check
from lading.functions.contract.alarms import ALARMS, alarm_name


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim about a deployment.

    Args:
        claim: what the stacks promise.
        proved: whether this run proved it.
        how: what proved it, or how to prove it.
        minutes: about how long that takes.
        dollars: about what it costs in us-east-1, without what runs anyway.
        found: what a person answered; empty if nobody did.
    """

    claim: str
    proved: bool
    how: str
    minutes: int = 0
    dollars: float = 0.0
    found: str = ""


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
        minutes=15,
    ),
    Proof(
        "alarms roll a new version back",
        False,
        f"run `aws cloudwatch set-alarm-state` on {_ROLLBACK} during a shift; the deployment must "
        "fail",
        minutes=20,
    ),
    Proof(
        "SnapStart",
        False,
        "see the table of starts on the operations dashboard, or `Restore Duration` in the REPORT "
        "lines of the function's log",
        minutes=5,
    ),
    Proof(
        "provisioned concurrency, and its schedule",
        False,
        "see ProvisionedConcurrencyInvocations of the alias in CloudWatch, before and after a "
        "scheduled time, and during a shift of traffic",
        minutes=60,
        dollars=0.05,
    ),
    Proof(
        "usage plans and throttling",
        False,
        "send more than `throttling.rate` of stages.yaml; see 429 in the table of refused requests",
        minutes=5,
        dollars=0.01,
    ),
    Proof(
        "firewall",
        False,
        "see `aws wafv2 get-sampled-requests`; only production has one",
        minutes=10,
    ),
    Proof(
        "custom domain and its base path",
        False,
        "run this command with the URL of the domain; `dig` shows the record",
        minutes=10,
    ),
    Proof(
        "an endpoint wakes from zero, and is updated",
        False,
        "leave the model alone until its dashboard shows no copy, then predict: 503 with "
        "Retry-After first, an answer later, and no alarm of the API",
        minutes=45,
        dollars=1.5,
    ),
    Proof(
        "alarms reach people",
        False,
        "confirm the email of SNS, then set an alarm's state",
        minutes=5,
    ),
    Proof("traces", False, "see the service map of X-Ray, minutes after a call", minutes=10),
    Proof(
        "keys and access logs",
        False,
        "see kms:Decrypt in CloudTrail; access logs are in their bucket after hours",
        minutes=240,
    ),
    Proof(
        "nothing that costs stays",
        False,
        "destroy the stage by the guide, then see `aws cloudformation list-stacks`, `aws sagemaker "
        "list-endpoints` and, a day later, Cost Explorer by the tag `stage`",
        minutes=30,
    ),
)
"""The claims that no call of the API can prove. Times are estimates: nobody has walked the list."""
