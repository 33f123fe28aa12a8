"""The roll-out of a model's function from one version to the next.

At the first deployment no traffic shifts: a custom resource compares the version's answers with the
golden ones before the alias is created. From then on CodeDeploy does it: the hook before traffic
makes the same comparison, traffic shifts in the steps of the stage, alarms on the new version roll
it back, and the hook after traffic deletes versions that no longer serve. An emulated account has
no CodeDeploy and uses the custom resource at every deployment.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import HOOK, LAYER_ROOT
from lading.stacks.function.judge import DeploymentPlace, RolloutJudge
from lading.stacks.function.lambda_model import LambdaModel
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.permissions import acknowledge_resource, allow, own_service
from lading.stacks.stages.judge import StageJudge
from lading.stacks.stages.settings import ALIAS, RolloutName

_HANDLERS = "lading.functions.traffic_hook.lambda_handler"
_CHECK_S, _CLEAN_S = 600, 120


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Settings of a roll-out.

    Args:
        model: name of the model.
        version: its version in the lock.
        check_name: name of the function that compares golden answers.
        clean_name: name of the function that deletes old versions.
        steps: how CodeDeploy shifts traffic; None: the account has no CodeDeploy.
        waits: whether an endpoint may have to wake before it gives golden answers.
        function: name of the model's function.
        judge_name: name of the function that judges roll-outs.
        judge: what it tolerates; None: there is no judge.
    """

    model: str
    version: int
    check_name: str
    clean_name: str
    steps: RolloutName | None
    waits: bool = False
    function: str = ""
    judge_name: str = ""
    judge: StageJudge | None = None


class Rollout(Construct):
    """The functions and the deployment group between a published version and its traffic.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        shared: what its functions share with the others of the stage.
        plan: whose roll-out it is, and how traffic shifts.
        served: the model's function.
        alarms: alarms that roll the new version back.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        plan: RolloutPlan,
        served: LambdaModel,
        alarms: Sequence[cloudwatch.IAlarm] = (),
    ) -> None:
        super().__init__(scope, id_)
        self._shared, self._plan, self._served = shared, plan, served
        check_s = LAMBDA.timeout_s if plan.waits else _CHECK_S
        self.check = self._check(check_s)
        first = CustomResource(
            self,
            "GoldenCheck",
            resource_type="Custom::GoldenCheck",
            service_token=self.check.function.function_arn,
            service_timeout=Duration.seconds(check_s),
            properties={
                "Version": served.version.version,
                "Always": str(plan.steps is None).lower(),
            },
        )
        served.alias.node.add_dependency(first)
        if plan.steps is not None:
            self._shift(_CONFIGURATIONS[plan.steps], alarms)
        elif plan.judge is not None:  # an emulated CodeDeploy shifts traffic in groups of this name
            place = DeploymentPlace(plan.function, plan.function, plan.function)
            self._judge(plan.judge, place, self._clean())

    def _check(self, timeout_s: int) -> LoggedFunction:
        """Create the function that sends the golden requests."""
        served = self._served
        layers = [
            layer
            for version, layer in served.artifact_layers.items()
            if layer and served.golden[version][0].startswith(LAYER_ROOT)
        ]
        check = self._hook("Check", self._plan.check_name, "check", timeout_s, layers)
        served.grant_golden(check.role)
        self._grant_versions(check.role, "lambda:InvokeFunction")
        if layer := self._compared_layer():
            allow(check.role, "lambda:GetLayerVersion", layer[HOOK.layer])
        return check

    def _compared_layer(self) -> dict[str, str]:
        """Return the variables that name a layer of another account, and what it must contain."""
        proxy = self._served.proxy
        if proxy is None or proxy.adapter is None or not proxy.adapter_sha256:
            return {}
        return {HOOK.layer: proxy.adapter, HOOK.layer_sha256: proxy.adapter_sha256}

    def _grant_versions(self, role: iam.IRole, action: str) -> None:
        """Allow an action on any version of the function, but not on the function itself.

        A policy that named the new version would be created with it, and would take effect
        everywhere only some time after the hook needs it.
        """
        function = self._served.function
        allow(role, action, f"{function.function_arn}:*")
        logical_id = Stack.of(self).resolve(function.function_arn)["Fn::GetAtt"][0]
        reason = "the versions of one function; their numbers are not known beforehand"
        acknowledge_resource(role, f"<{logical_id}.Arn>:*", reason)

    def _hook(
        self,
        id_: str,
        name: str,
        handler: str,
        timeout_s: int,
        layers: Sequence[lambda_.ILayerVersion] = (),
    ) -> LoggedFunction:
        return LoggedFunction(
            self,
            id_,
            shared=self._shared,
            name=name,
            handler=f"{_HANDLERS}.{handler}",
            layers=layers,
            timeout_s=timeout_s,
            failures="CodeDeploy and CloudFormation wait for its report and fail without it",
            environment={
                HOOK.model: self._plan.model,
                HOOK.version: str(self._plan.version),
                HOOK.function: self._served.function.function_name,
                **self._golden_places(),
                **self._compared_layer(),
            },
        )

    def _golden_places(self) -> dict[str, str]:
        """Return the variables that say where the golden requests of each version are."""
        places = dict(self._served.golden)
        golden, owner = places.pop(self._plan.version)
        beside = {HOOK.beside: json.dumps(places)} if places else {}
        return {HOOK.golden: golden, HOOK.owner: owner, **beside}

    def _shift(
        self, configuration: codedeploy.ILambdaDeploymentConfig, alarms: Sequence[cloudwatch.IAlarm]
    ) -> None:
        """Let CodeDeploy move the alias."""
        clean = self._clean()
        hooks = (self.check, clean)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=self._served.alias,
            application=codedeploy.LambdaApplication(self, "Application"),
            deployment_config=configuration,
            role=self._codedeploy_role(hooks).without_policy_updates(),
            alarms=list(alarms),
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=bool(alarms)
            ),
            pre_hook=self.check.function,
            post_hook=clean.function,
        )
        if self._plan.judge is not None:
            place = DeploymentPlace(
                self._plan.function,
                group.application.application_name,
                group.deployment_group_name,
                group.deployment_group_arn,
            )
            self._judge(self._plan.judge, place, clean)
        for hook in hooks:
            allow(hook.role, "codedeploy:GetDeployment", group.deployment_group_arn)
            self._served.alias.node.add_dependency(hook)

    def _judge(self, settings: StageJudge, place: DeploymentPlace, clean: LoggedFunction) -> None:
        """Create the judge, and let the hook after traffic ask it for the last word."""
        judge = RolloutJudge(
            self,
            "Judge",
            shared=self._shared,
            name=self._plan.judge_name,
            model_function=self._plan.function,
            place=place,
            settings=settings,
        )
        clean.function.add_environment(JUDGE.function, self._plan.judge_name)
        clean.function.add_environment(JUDGE.on_broken, settings.on_broken)
        allow(clean.role, "lambda:InvokeFunction", judge.function.function_arn)

    def _clean(self) -> LoggedFunction:
        """Create the function that deletes versions which no longer serve."""
        clean = self._hook("Clean", self._plan.clean_name, "after_traffic", _CLEAN_S)
        read = ("lambda:ListVersionsByFunction", "lambda:ListAliases")
        allow(clean.role, read, self._served.function.function_arn)
        self._grant_versions(clean.role, "lambda:DeleteFunction")
        return clean

    def _codedeploy_role(self, hooks: Sequence[LoggedFunction]) -> iam.Role:
        """Create CodeDeploy's role: less than AWS's own policy, and for this alias only."""
        function = self._served.function.function_arn
        role = iam.Role(self, "Role", assumed_by=own_service("codedeploy"))
        allow(role, _SHIFT, function, f"{function}:{ALIAS}")
        allow(role, "lambda:InvokeFunction", *(hook.function.function_arn for hook in hooks))
        allow(role, "cloudwatch:DescribeAlarms", "*")
        reason = "CodeDeploy lists all alarms to read the state of some, as in AWS's policy"
        acknowledge_resource(role, "*", reason)
        return role


_SHIFT = ("lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias")
_CONFIGURATIONS: Mapping[str, codedeploy.ILambdaDeploymentConfig] = {
    name: getattr(codedeploy.LambdaDeploymentConfig, name.upper().replace("-", "_"))
    for name in get_args(RolloutName)
}
