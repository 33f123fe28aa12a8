"""How a new version of a model's function takes over.

At the first deployment nothing shifts: a custom resource holds the version to its golden answers
before the alias is made. From then on CodeDeploy does it: `before_traffic` checks the same, traffic
shifts as the stage says, alarms on the new version bring the old one back, and `after_traffic`
deletes the versions that serve no more. An emulated cloud without CodeDeploy has the custom
resource at every deployment.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from aws_cdk import Acknowledgment, Aws, CustomResource, Duration, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import HOOK, LAYER_ROOT
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.lambda_model import LambdaModel, grant_decrypt
from lading.stacks.function.logged_function import LoggedFunction
from lading.stacks.plan.models import PlannedModel, S3Artifact
from lading.stacks.stages.settings import ALIAS, Deployment, RolloutName

_HANDLERS = "lading.functions.traffic_hook.lambda_handler"
_CHECK_S, _CLEAN_S = 600, 120
"""An endpoint may have to wake before it gives its golden answers."""


class Rollout(Construct):
    """What stands between a published version and traffic.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        deployment: the stage.
        model: what is served.
        served: its function.
        assets: the Lambda code.
        alarms: each brings the old version back when it rings.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        model: PlannedModel,
        served: LambdaModel,
        assets: CodeAssets,
        alarms: Sequence[cloudwatch.IAlarm] = (),
    ) -> None:
        super().__init__(scope, id_)
        self._deployment, self._model = deployment, model
        self._served, self._assets = served, assets
        self._check_s = LAMBDA.timeout_s if model.endpoint else _CHECK_S
        self.check = self._check()
        first = CustomResource(
            self,
            "GoldenCheck",
            resource_type="Custom::GoldenCheck",
            service_token=self.check.function.function_arn,
            service_timeout=Duration.seconds(self._check_s),
            properties={
                "Version": served.version.version,
                "Always": str(deployment.local).lower(),
            },
        )
        served.alias.node.add_dependency(first)
        if not deployment.local:
            self._shift(alarms)

    def _check(self) -> LoggedFunction:
        """The function that sends the golden requests."""
        artifact = self._served.artifact_layer
        golden_in_layer = self._served.golden.startswith(LAYER_ROOT)
        check = self._hook(
            "Check",
            "check",
            f"{_HANDLERS}.check",
            timeout_s=self._check_s,
            layers=[artifact] if artifact and golden_in_layer else [],
        )
        if isinstance(self._model.artifact, S3Artifact) and not golden_in_layer:
            self._grant_golden(check.role, self._model.artifact)
        self._grant_versions(check.role, "lambda:InvokeFunction")
        return check

    def _grant_versions(self, role: iam.IRole, action: str) -> None:
        """Let a role do something to any version of the function, but not to the function itself.

        A policy that named the new version alone would be made with it, and be known everywhere
        only some time after the hook needs it.
        """
        function = self._served.function
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=[action], resources=[f"{function.function_arn}:*"])
        )
        logical_id = Stack.of(self).resolve(function.function_arn)["Fn::GetAtt"][0]
        Validations.of(role).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>:*]",
                reason="the versions of one function; their numbers are not known beforehand",
            )
        )

    def _hook(
        self,
        id_: str,
        role: Literal["check", "clean"],
        handler: str,
        *,
        timeout_s: int,
        layers: Sequence[lambda_.ILayerVersion] = (),
    ) -> LoggedFunction:
        """A function of ours around the roll-out."""
        return LoggedFunction(
            self,
            id_,
            deployment=self._deployment,
            name=self._deployment.names.hook(self._model.name, role),
            handler=handler,
            code=self._assets.functions(self),
            layers=layers,
            timeout_s=timeout_s,
            failures="CodeDeploy and CloudFormation wait for its report, and fail without it",
            environment={
                HOOK.model: self._model.name,
                HOOK.version: str(self._model.version),
                HOOK.function: self._served.function.function_name,
                HOOK.golden: self._served.golden,
            },
        )

    def _grant_golden(self, role: iam.IRole, artifact: S3Artifact) -> None:
        if artifact.golden is None:
            return
        bucket = artifact.archive.bucket
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[f"arn:{Aws.PARTITION}:s3:::{bucket}/{artifact.golden}"],
            )
        )
        grant_decrypt(role, self._deployment.names.artifact_key, bucket)

    def _shift(self, alarms: Sequence[cloudwatch.IAlarm]) -> None:
        """CodeDeploy, which moves the alias."""
        function = self._served.function
        clean = self._hook("Clean", "clean", f"{_HANDLERS}.after_traffic", timeout_s=_CLEAN_S)
        clean.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["lambda:ListVersionsByFunction", "lambda:ListAliases"],
                resources=[function.function_arn],
            )
        )
        self._grant_versions(clean.role, "lambda:DeleteFunction")
        hooks = (self.check, clean)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=self._served.alias,
            application=codedeploy.LambdaApplication(self, "Application"),
            deployment_config=_CONFIGURATIONS[self._deployment.settings.rollout],
            role=self._codedeploy_role(hooks).without_policy_updates(),
            alarms=list(alarms),
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=bool(alarms)
            ),
            pre_hook=self.check.function,
            post_hook=clean.function,
        )
        for hook in hooks:
            hook.role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=["codedeploy:GetDeployment"],
                    resources=[group.deployment_group_arn],
                )
            )
            self._served.alias.node.add_dependency(hook)

    def _codedeploy_role(self, hooks: Sequence[LoggedFunction]) -> iam.Role:
        """What CodeDeploy may do: less than in AWS's own policy, and for this alias alone."""
        function = self._served.function.function_arn
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "lambda:GetAlias",
                    "lambda:GetProvisionedConcurrencyConfig",
                    "lambda:UpdateAlias",
                ],
                resources=[function, f"{function}:{ALIAS}"],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[hook.function.function_arn for hook in hooks],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
        )
        Validations.of(role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="CodeDeploy lists alarms to see whether its own ring, as in AWS's policy",
            )
        )
        return role


_CONFIGURATIONS: Mapping[str, codedeploy.ILambdaDeploymentConfig] = {
    name: getattr(codedeploy.LambdaDeploymentConfig, name.upper().replace("-", "_"))
    for name in get_args(RolloutName)
}
