"""The stack of one model: the unit of roll-out and rollback."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, CfnOutput, Stack, Tags
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.settings import ShadowVersion
from lading.stacks.batches.definition import BatchWork
from lading.stacks.batches.jobs import BatchJobsAccess
from lading.stacks.batches.machine import BatchMachine
from lading.stacks.endpoint.model_endpoint import EndpointPlan, ModelEndpoint
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS
from lading.stacks.errors import StackError
from lading.stacks.function.capture import CaptureBucket
from lading.stacks.function.judge import ROLLOUT_SIGNALS, judge_alarms
from lading.stacks.function.lambda_model import LambdaModel
from lading.stacks.function.logged_function import StageFunctions
from lading.stacks.function.rollout import Rollout, RolloutPlan
from lading.stacks.monitoring.alarms import CanaryAlarms, make_alarms, topic_by_name
from lading.stacks.monitoring.signals import MODEL_SIGNALS, WatchedModel
from lading.stacks.permissions import allow
from lading.stacks.plan.endpoints import PlannedEndpoint
from lading.stacks.plan.models import PlannedModel
from lading.stacks.stages.batch import bounded_concurrency
from lading.stacks.stages.settings import ALIAS, OUTPUTS, Deployment


class ModelStack(Stack):
    """A model's function, its endpoint if it has one, its roll-out and its alarms.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: the region; None: the AWS profile's.
        model: what to serve.
        shared: what its functions share with the others of the stage.
        nodes: the endpoints of a graph's models, by model.

    `endpoint` is its endpoint; None if it has none.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        region: str | None,
        model: PlannedModel,
        shared: StageFunctions,
        nodes: Mapping[str, ModelEndpoint] | None = None,
    ) -> None:
        names = deployment.names
        super().__init__(
            scope,
            id_,
            stack_name=names.model_stack(model.name),
            description=names.model_description(model.name, model.version),
            env=deployment.environment(region),
        )
        Tags.of(self).add("model", model.name)
        traces = {} if deployment.local else deployment.settings.watching.trace_layers
        shared.assets.require_fits(self, model, traced=bool(traces))
        self._deployment, self._model, self._shared = deployment, model, shared
        self.watched = _watched(deployment, model)
        topic = topic_by_name(self, names.alarm_topic)
        asked = nodes or {}
        self.endpoint = endpoint = self._endpoint(topic)
        shadow, wanted = self._shadow(), model.settings.capture
        capture = CaptureBucket(self, "Capture", wanted=wanted) if wanted else None
        served = LambdaModel(
            self,
            "Model",
            shared=shared,
            name=self.watched.function,
            model=model,
            artifact_keys=deployment.artifact_keys,
            stage=names.prefix,
            origins=deployment.settings.cors,
            base_path=deployment.base_path,
            drift_s=deployment.settings.drift.lines_s,
            proxy=endpoint.proxy if endpoint else None,
            nodes={name: node.address() for name, node in asked.items()},
            runtime=deployment.runtime if asked else "",
            trace_layers=traces,
            judged=_is_compared(deployment, model),
            shadow=shadow,
            capture=capture.settings if capture else None,
        )
        if capture:
            capture.grant_use(served.role)
        for node in asked.values():
            node.grant_node(served)
        if shadow:
            self._grant_shadow(served, shadow)
        if endpoint:
            endpoint.grant_use(served)
        if endpoint is None:
            self._batches(served)
        elif endpoint.served is not None:
            self._batch_jobs(endpoint.served)
        self._watch_and_roll_out(served, topic)
        CfnOutput(self, OUTPUTS.function_name, value=served.function.function_name)
        CfnOutput(self, OUTPUTS.alias_arn, value=served.alias.function_arn)

    def _batches(self, served: LambdaModel) -> None:
        """Create the state machine of the model's batches, if the stage wants it."""
        settings, name = self._model.settings, self._model.name
        if settings.batch is None:
            return
        try:
            most = bounded_concurrency(settings.batch, settings.reserved_concurrency)
        except ValueError as error:
            raise StackError(
                f"stage '{self._deployment.stage}', model '{name}': {error}"
            ) from error
        work = BatchWork(
            alias=served.alias.function_arn,
            concurrency=most,
            timeout_s=settings.timeout_s,
            versions=tuple(each.version for each in self._model.served),
            local=self._deployment.local,
            partition=self.partition,
            account=self.account,
        )
        BatchMachine(
            self,
            "Batches",
            name=self._deployment.names.batches(name),
            settings=settings.batch,
            work=work,
            role=served.role,
            alias=served.alias,
        )

    def _batch_jobs(self, served: SageMakerModel) -> None:
        """Create what batches of the endpoint's model need, if the stage wants them."""
        model, settings = self._model, self._model.settings
        if settings.batch is None:
            return
        assert isinstance(model.endpoint, PlannedEndpoint)
        BatchJobsAccess(
            self,
            "Batches",
            settings=settings.batch,
            endpoint=settings.sagemaker,
            planned=model.endpoint,
            served=served,
            version=model.version,
        )

    def _shadow(self) -> ShadowVersion | None:
        """Create the function of the version that answers in the shadow, if there is one."""
        shadow, wanted = self._model.shadow, self._model.settings.shadow
        if shadow is None or wanted is None or shadow.endpoint is not None:
            return None
        name = self._deployment.names.hook(self._model.name, "shadow")
        LambdaModel(
            self,
            "Shadow",
            shared=self._shared,
            name=name,
            model=shadow,
            artifact_keys=self._deployment.artifact_keys,
            stage=self._deployment.names.prefix,
            base_path=self._deployment.base_path,
            judged=True,
        )
        return ShadowVersion(f"{name}:{ALIAS}", wanted.percent)

    def _grant_shadow(self, served: LambdaModel, shadow: ShadowVersion) -> None:
        """Let the function invoke the version in its shadow."""
        arn = self.format_arn(
            service="lambda",
            resource="function",
            resource_name=shadow.function,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(served.role, "lambda:InvokeFunction", arn)

    def _endpoint(self, topic: sns.ITopic) -> ModelEndpoint | None:
        deployment, model = self._deployment, self._model
        if model.endpoint is None:
            return None
        names, twin = deployment.names, model.endpoint.twin
        plan = EndpointPlan(
            endpoint=model.endpoint,
            version=model.version,
            settings=model.settings.sagemaker,
            artifact_keys=deployment.artifact_keys,
            check_name=names.hook(model.name, "endpoint"),
            dashboard=f"{self.watched.function}{deployment.region_suffix(self.region)}-endpoint",
            component_name=names.component(model.name),
            twin_alias=f"{names.function(twin)}:{ALIAS}" if twin else "",
            runtime=deployment.runtime,
            judge=deployment.settings.judge,
            judge_name=names.hook(model.name, "update-judge"),
            shadow=_at_endpoint(model),
        )
        return ModelEndpoint(
            self, "Endpoint", shared=self._shared, plan=plan, watched=self.watched, topic=topic
        )

    def _watch_and_roll_out(self, served: LambdaModel, topic: sns.ITopic) -> None:
        """Create the alarms and the roll-out; an emulated account has no alarms on a canary."""
        names, local, watched = self._deployment.names, self._deployment.local, self.watched
        scope = Construct(self, "Alarms")
        make_alarms(scope, watched.function, MODEL_SIGNALS, watched, topic, math=not local)
        if self._deployment.settings.judge is not None:
            judge_alarms(scope, watched, topic, ROLLOUT_SIGNALS)
        canary = None
        if not local:
            version = served.version.version
            canary = CanaryAlarms(
                self, "CanaryAlarms", model=watched, executed_version=version, topic=topic
            )
        plan = RolloutPlan(
            model=self._model.name,
            version=self._model.version,
            check_name=names.hook(self._model.name, "check"),
            clean_name=names.hook(self._model.name, "clean"),
            function=watched.function,
            judge_name=names.hook(self._model.name, "judge"),
            judge=self._deployment.settings.judge,
            steps=None if local else self._deployment.settings.rollout,
            waits=self._model.endpoint is not None or self._model.managed is not None,
        )
        alarms = canary.rollback if canary else ()
        Rollout(self, "Rollout", shared=self._shared, plan=plan, served=served, alarms=alarms)


def _at_endpoint(model: PlannedModel) -> tuple[PlannedModel, float] | None:
    """Return the version in the shadow of an endpoint, and its share; None: there is none."""
    wanted = model.settings.shadow
    if model.shadow is None or model.shadow.endpoint is None or wanted is None:
        return None
    return model.shadow, wanted.percent


def _is_compared(deployment: Deployment, model: PlannedModel) -> bool:
    """Return whether log lines say of each answer what is compared between versions."""
    return bool(deployment.settings.judge or model.shadow or model.split)


def _watched(deployment: Deployment, model: PlannedModel) -> WatchedModel:
    settings, proxy = model.settings, model.endpoint is not None
    deployed = proxy and not deployment.local
    signals = ENDPOINT_SIGNALS[settings.sagemaker.mode] if deployed else ()
    return WatchedModel(
        name=model.name,
        function=deployment.names.function(model.name),
        error_rate=deployment.settings.alarms.error_rate,
        p99_ms=settings.p99_ms,
        reserved_concurrency=settings.reserved_concurrency,
        streams=deployed,
        timeout_s=settings.sagemaker.answer_timeout_s if proxy else GATEWAY.timeout_s,
        endpoint_alarms=tuple(signal.key for signal in signals),
        runbook=deployment.settings.watching.runbook,
        feedback=settings.capture is not None and settings.capture.feedback,
    )
