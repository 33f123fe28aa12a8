"""One model on Lambda: the unit of roll-out and of rollback."""

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from stacks.code_assets import CodeAssets
from stacks.lambda_model import LambdaModel
from stacks.monitoring import CanaryAlarms, ModelAlarms, topic_by_name
from stacks.plan import PlannedModel
from stacks.rollout import Rollout
from stacks.settings import OUTPUTS, Deployment
from stacks.signals import WatchedModel


class ModelStack(Stack):
    """A model's function, how its versions take over, and who is told of its trouble.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: where; None: where the AWS profile says.
        model: what to serve.
        assets: the Lambda code.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        region: str | None,
        model: PlannedModel,
        assets: CodeAssets,
    ) -> None:
        super().__init__(
            scope,
            id_,
            stack_name=deployment.names.model_stack(model.name),
            description=f"Lading {deployment.stage}: model {model.name}, version {model.version}",
            env=deployment.environment(region),
        )
        Tags.of(self).add("model", model.name)
        assets.require_fits(self, model)
        self.served = LambdaModel(self, "Model", deployment=deployment, model=model, assets=assets)
        self.watched = _watched(deployment, model)
        topic = topic_by_name(self, deployment.names)
        self.alarms = ModelAlarms(
            self, "Alarms", model=self.watched, topic=topic, math=not deployment.local
        )
        self.canary = (
            None
            if deployment.local
            else CanaryAlarms(
                self,
                "CanaryAlarms",
                model=self.watched,
                executed_version=self.served.version.version,
                topic=topic,
            )
        )
        self.rollout = Rollout(
            self,
            "Rollout",
            deployment=deployment,
            model=model,
            served=self.served,
            assets=assets,
            alarms=self.canary.rollback if self.canary else (),
        )
        CfnOutput(self, OUTPUTS.function_name, value=self.served.function.function_name)
        CfnOutput(self, OUTPUTS.alias_arn, value=self.served.alias.function_arn)


def _watched(deployment: Deployment, model: PlannedModel) -> WatchedModel:
    return WatchedModel(
        name=model.name,
        function=deployment.names.function(model.name),
        error_rate=deployment.settings.alarms.error_rate,
        p99_ms=model.settings.p99_ms,
        reserved_concurrency=model.settings.reserved_concurrency,
    )
