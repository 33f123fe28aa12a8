"""Where the judge of an endpoint finds its updates, and the alarms on what it says."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from lading.functions.contract.alarms import ALARMS
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import METRICS
from lading.stacks.function.judge import JudgeSignal, grant_log
from lading.stacks.permissions import allow, allow_below

_DESCRIBED = {"DescribeEndpointConfig": "endpoint-config", "DescribeModel": "model"}


@dataclass(frozen=True, slots=True)
class UpdatePlace:
    """The updates of one endpoint.

    Args:
        endpoint: its name.
        function: name of the function before it, whose log says what each fleet has answered.
        arn: its ARN; empty in an emulated account.
    """

    endpoint: str
    function: str
    arn: str = ""

    def settings(self) -> Mapping[str, str]:
        """See `JudgedPlace.settings`."""
        return {"endpoint": self.endpoint}

    def grant(self, role: iam.Role) -> None:
        """See `JudgedPlace.grant`."""
        grant_log(role, self.function)
        if not self.arn:
            return
        allow(role, "sagemaker:DescribeEndpoint", self.arn)
        here = f"arn:{Aws.PARTITION}:sagemaker:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        for action, kind in _DESCRIBED.items():
            reason = "CloudFormation names the old and the new one; they are read only"
            allow_below(role, f"sagemaker:{action}", reason, f"{here}:{kind}/*")
        allow(role, "cloudwatch:GetMetricData", "*")
        own = {"StringEquals": {"cloudwatch:namespace": METRICS.namespace}}
        allow(role, "cloudwatch:PutMetricData", "*", conditions=own)


UPDATE_SIGNALS = (
    JudgeSignal(
        "UpdateWorse",
        ALARMS.update_worse,
        JUDGE.update_worse,
        (
            "The new version of model {model} is worse than the old one; SageMaker rolls the "
            "update of its endpoint back. `lading rollout status {model}` shows what was found."
        ),
    ),
    JudgeSignal(
        "UpdateUndecided",
        ALARMS.update_undecided,
        JUDGE.update_undecided,
        (
            "An update of the endpoint of model {model} ended without proof. `lading rollout "
            "status {model}` says whether there was too little traffic, or what the judge could "
            "not read."
        ),
    ),
)
