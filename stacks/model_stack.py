"""One model, on Lambda or behind a proxy there: the unit of roll-out and of rollback."""

from typing import Any

from aws_cdk import CfnOutput, Stack, Tags
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.stacks.endpoint.model_endpoint import ModelEndpoint
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.lambda_model import LambdaModel
from lading.stacks.function.rollout import Rollout
from lading.stacks.monitoring.alarms import CanaryAlarms, ModelAlarms, topic_by_name
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.plan.models import PlannedModel
from lading.stacks.stages.settings import OUTPUTS, Deployment


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
        self.watched = _watched(deployment, model)
        topic = topic_by_name(self, deployment.names)
        self.endpoint = self._endpoint(deployment, model, topic, assets)
        self.served = LambdaModel(
            self,
            "Model",
            deployment=deployment,
            model=model,
            assets=assets,
            proxy=self.endpoint.proxy if self.endpoint else None,
        )
        if self.endpoint:
            self.endpoint.let_ask(self.served)
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

    def _endpoint(
        self, deployment: Deployment, model: PlannedModel, topic: sns.ITopic, assets: CodeAssets
    ) -> ModelEndpoint | None:
        if model.endpoint is None:
            return None
        return ModelEndpoint(
            self,
            "Endpoint",
            deployment=deployment,
            model=model,
            watched=self.watched,
            topic=topic,
            assets=assets,
        )


def _watched(deployment: Deployment, model: PlannedModel) -> WatchedModel:
    return WatchedModel(
        name=model.name,
        function=deployment.names.function(model.name),
        error_rate=deployment.settings.alarms.error_rate,
        p99_ms=model.settings.p99_ms,
        reserved_concurrency=model.settings.reserved_concurrency,
        **(_watched_proxy(deployment, model) if model.endpoint else {}),
    )


def _watched_proxy(deployment: Deployment, model: PlannedModel) -> dict[str, Any]:
    settings = model.settings.sagemaker
    signals = () if deployment.local else ENDPOINT_SIGNALS[settings.mode]
    return {
        "streams": not deployment.local,
        "timeout_s": settings.answer_timeout_s,
        "endpoint_alarms": tuple(signal.key for signal in signals),
    }
