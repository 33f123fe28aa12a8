"""The custom resource that verifies that an endpoint runs what its deployment requested."""

from collections.abc import Sequence

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.limits import LAMBDA
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.function.judge import RolloutJudge
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.permissions import allow

_HANDLER = "lading.functions.endpoint_check.lambda_handler.check"


class EndpointCheck(Construct):
    """Fails a deployment after which the endpoint does not run the new version.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        shared: what its function shares with the others of the stage.
        name: name of the function.
        served: the endpoint.
        alarms: names of the alarms that roll an update back; the error mentions them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        served: SageMakerModel,
        alarms: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        group = _log_group(served)
        check = LoggedFunction(
            self,
            "Check",
            shared=shared,
            name=name,
            handler=_HANDLER,
            timeout_s=LAMBDA.timeout_s,
            failures="CloudFormation waits for its report and fails without it",
        )
        self._function, self._role = check.function, check.role
        _grant(check.role, served, group)
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::EndpointCheck",
            service_token=check.function.function_arn,
            service_timeout=Duration.seconds(LAMBDA.timeout_s),
            properties={
                "Endpoint": served.endpoint_name,
                "Config": served.config.attr_endpoint_config_name,
                "Component": served.component_name,
                "Model": served.model.attr_model_name,
                "Alarms": ", ".join(alarms),
                "LogGroup": group,
                "LogDays": str(shared.log_retention_days),
            },
        )
        self.resource.node.add_dependency(check.role)  # and its policy
        if served.component:
            self.resource.node.add_dependency(served.component)

    def ask(self, judge: RolloutJudge, name: str, on_broken: str) -> None:
        """Ask a judge for the last word on each update.

        Args:
            judge: the judge.
            name: name of its function.
            on_broken: what happens if it fails: `hold` or `roll_back`.
        """
        self._function.add_environment(JUDGE.function, name)
        self._function.add_environment(JUDGE.on_broken, on_broken)
        allow(self._role, "lambda:InvokeFunction", judge.function.function_arn)
        self.resource.node.add_dependency(judge)


def _log_group(served: SageMakerModel) -> str:
    """Return the name that SageMaker gives to the containers' log group."""
    if served.component:
        return f"/aws/sagemaker/InferenceComponents/{served.component_name}"
    return f"/aws/sagemaker/Endpoints/{served.endpoint_name}"


def _grant(role: iam.Role, served: SageMakerModel, group: str) -> None:
    """Let the check describe the endpoint, and limit how long its log is kept."""
    log = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{group}"
    allow(role, "sagemaker:DescribeEndpoint", served.endpoint.ref)
    if served.component:
        arn = served.component.attr_inference_component_arn
        allow(role, "sagemaker:DescribeInferenceComponent", arn)
    allow(role, ("logs:CreateLogGroup", "logs:PutRetentionPolicy"), log)
