"""All that a model on SageMaker has beside its proxy function."""

from aws_cdk import Acknowledgment, ArnFormat, Aspects, Aws, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.settings import JobsPlace, ServedEndpoint
from lading.stacks.endpoint.check import EndpointCheck
from lading.stacks.endpoint.job_store import JobStoreResources
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.endpoint.rules import EndpointRules
from lading.stacks.endpoint.scaling import component_name
from lading.stacks.endpoint.signals import WatchedEndpoint
from lading.stacks.endpoint.watch import EndpointWatch, RollbackAlarms
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.lambda_model import LambdaModel
from lading.stacks.function.proxy import Proxy, adapter_layer, twin_alias
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.plan.endpoints import PlannedEndpoint
from lading.stacks.plan.models import PlannedModel
from lading.stacks.stages.settings import Deployment

_LANGUAGE = frozenset({"vllm", "djl-lmi"})
"""Engines of language models, which know a model by its name."""


class ModelEndpoint(Construct):
    """A model's endpoint, its jobs, its alarms, and the check after each change.

    In an emulated cloud, which has no SageMaker, there are the jobs alone.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        deployment: the stage.
        model: what to serve; it has an endpoint.
        watched: its proxy function.
        topic: who is told of trouble.
        assets: the Lambda code.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        model: PlannedModel,
        watched: WatchedModel,
        topic: sns.ITopic,
        assets: CodeAssets,
    ) -> None:
        super().__init__(scope, id_)
        self._deployment, self._model = deployment, model
        self._watched, self._topic, self._assets = watched, topic, assets
        self._settings = model.settings.sagemaker
        self._key = kms.Key(
            self,
            "Key",
            description=f"{watched.function}: jobs, and disks of its endpoint",
            enable_key_rotation=True,
            # Its bucket empties itself in days, and what was encrypted with it goes too.
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.jobs = JobStoreResources(self, "Jobs", days=self._settings.jobs_days, key=self._key)
        self.served: SageMakerModel | None = None
        if isinstance(model.endpoint, PlannedEndpoint):
            self.served = self._serve(model.endpoint)
        Aspects.of(self).add(EndpointRules())

    def _serve(self, endpoint: PlannedEndpoint) -> SageMakerModel:
        settings, update = self._settings, self._settings.update
        names: list[str] = []
        if update.rollback:
            rollback = RollbackAlarms(self, "Rollback", model=self._watched, topic=self._topic)
            names = [*(alarm.alarm_name for alarm in rollback.alarms), *update.alarms]
        served = SageMakerModel(
            self,
            "SageMaker",
            endpoint=endpoint,
            settings=settings,
            prefix=self._watched.function,
            artifact_key=self._deployment.names.artifact_key,
            key=self._key,
            jobs=self.jobs if settings.mode == "async" else None,
            alarms=names,
        )
        self.check = EndpointCheck(
            self,
            "Check",
            deployment=self._deployment,
            model=self._model.name,
            served=served,
            alarms=names,
            assets=self._assets,
        )
        EndpointWatch(
            self,
            "Watch",
            endpoint=self._watched_endpoint(served),
            topic=self._topic,
            title=f"{self._watched.function}-endpoint",
        )
        return served

    def _watched_endpoint(self, served: SageMakerModel) -> WatchedEndpoint:
        return WatchedEndpoint(
            alarm_prefix=self._watched.function,
            name=served.endpoint.attr_endpoint_name,
            component=component_name(served.component) if served.component else "",
            mode=self._settings.mode,
            error_rate=self._watched.error_rate,
            p99_ms=self._watched.p99_ms,
            backlog=self._settings.scaling.target,
        )

    @property
    def proxy(self) -> Proxy:
        """What the proxy function is told."""
        deployment, settings = self._deployment, self._settings
        return Proxy(
            endpoint=self._told(),
            jobs=JobsPlace(self.jobs.bucket.bucket_name, self.jobs.jobs.table_name),
            idempotency_table=self.jobs.idempotency.table_name,
            adapter=None if deployment.local else adapter_layer(deployment, settings.web_adapter),
            runtime=deployment.runtime,
        )

    def _told(self) -> ServedEndpoint:
        settings, served, planned = self._settings, self.served, self._model.endpoint
        assert planned is not None, "a model on Lambda has no proxy"
        twin = planned.twin
        return ServedEndpoint(
            name=served.endpoint.attr_endpoint_name if served else self._watched.function,
            component=component_name(served.component) if served and served.component else "",
            engine_model=self._model.name if planned.engine in _LANGUAGE else "",
            mode=settings.mode,
            hold_s=settings.hold_s,
            time_limit_s=settings.answer_timeout_s,
            twin_function=twin_alias(self._deployment, twin) if twin else "",
            twin_model=twin or "",
        )

    def let_ask(self, function: LambdaModel) -> None:
        """Let the proxy function ask this endpoint and nothing else, and wait for the check."""
        self.jobs.grant_use(function.role)
        self._let_run_jobs(function)
        planned = self._model.endpoint
        if planned and planned.twin:
            alias = twin_alias(self._deployment, planned.twin)
            twin = Stack.of(self).format_arn(
                service="lambda",
                resource="function",
                resource_name=alias,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            _allow(function.role, ["lambda:InvokeFunction"], [twin])
        if self.served is None:
            return
        endpoint, component = self.served.endpoint.ref, self.served.component
        components = [component.attr_inference_component_arn] if component else []
        invoke = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        if self._settings.mode == "async":
            invoke = ["sagemaker:InvokeEndpointAsync"]
        _allow(function.role, invoke, [endpoint, *components])
        _allow(function.role, ["sagemaker:DescribeEndpoint"], [endpoint])
        if components:
            _allow(function.role, ["sagemaker:DescribeInferenceComponent"], components)
        # The golden requests, and with them traffic, come after the check.
        function.version.node.add_dependency(self.check.resource)

    def _let_run_jobs(self, function: LambdaModel) -> None:
        """Let the function invoke the version of itself that it is: so it runs a job."""
        name = f"function:{self._watched.function}:*"
        arn = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:{name}"
        _allow(function.role, ["lambda:InvokeFunction"], [arn])
        finding = "Resource::arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:"
        Validations.of(function.role).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[{finding}{name}]",
                reason="the versions of this function; their numbers are not known beforehand",
            )
        )


def _allow(role: iam.IRole, actions: list[str], resources: list[str]) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=resources))
