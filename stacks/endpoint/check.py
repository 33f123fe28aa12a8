"""The custom resource that holds an endpoint to what its deployment asked for."""

from collections.abc import Sequence

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.functions.contract.limits import LAMBDA
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.endpoint.scaling import component_name
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import LoggedFunction
from lading.stacks.stages.settings import Deployment

_HANDLER = "lading.functions.endpoint_check.lambda_handler.check"


class EndpointCheck(Construct):
    """Asks after each change whether the endpoint runs it, and fails the deployment if not.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        deployment: the stage.
        model: the model's name.
        served: its endpoint.
        alarms: names of those that bring an old version back: what to look at after it.
        assets: the Lambda code.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        model: str,
        served: SageMakerModel,
        alarms: Sequence[str],
        assets: CodeAssets,
    ) -> None:
        super().__init__(scope, id_)
        endpoint = served.endpoint.attr_endpoint_name
        component = component_name(served.component) if served.component else ""
        group = (
            f"/aws/sagemaker/InferenceComponents/{component}"
            if component
            else f"/aws/sagemaker/Endpoints/{endpoint}"
        )
        self.check = LoggedFunction(
            self,
            "Check",
            deployment=deployment,
            name=deployment.names.hook(model, "endpoint"),
            handler=_HANDLER,
            code=assets.functions(self),
            timeout_s=LAMBDA.timeout_s,
            failures="CloudFormation waits for its report, and fails without it",
        )
        self._let_look(served, group)
        resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::EndpointCheck",
            service_token=self.check.function.function_arn,
            service_timeout=Duration.seconds(LAMBDA.timeout_s),
            properties={
                "Endpoint": endpoint,
                "Config": served.config.attr_endpoint_config_name,
                "Component": component,
                "Model": served.model.attr_model_name,
                "Alarms": ", ".join(alarms),
                "LogGroup": group,
                "LogDays": str(deployment.settings.log_retention_days),
            },
        )
        resource.node.add_dependency(self.check.role)  # and its policy
        self.resource = resource

    def _let_look(self, served: SageMakerModel, group: str) -> None:
        role = self.check.role
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpoint"], resources=[served.endpoint.ref]
            )
        )
        if served.component:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["sagemaker:DescribeInferenceComponent"],
                    resources=[served.component.attr_inference_component_arn],
                )
            )
        logs = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{group}"
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:PutRetentionPolicy"], resources=[logs]
            )
        )
