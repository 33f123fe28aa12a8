"""Everything that a model on SageMaker has in addition to its proxy function."""

from dataclasses import dataclass

from aws_cdk import Annotations, ArnFormat, Aspects, Aws, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.names import JOBS
from lading.functions.contract.settings import JobsPlace, ServedEndpoint
from lading.stacks.endpoint.check import EndpointCheck
from lading.stacks.endpoint.job_store import JobStoreResources
from lading.stacks.endpoint.judge import UPDATE_SIGNALS, UpdatePlace
from lading.stacks.endpoint.resources import SageMakerModel, ShadowVariant
from lading.stacks.endpoint.rules import EndpointRules
from lading.stacks.endpoint.signals import WatchedEndpoint
from lading.stacks.endpoint.watch import rollback_alarms, watch_endpoint
from lading.stacks.function.judge import RolloutJudge, judge_alarms
from lading.stacks.function.lambda_model import LambdaModel
from lading.stacks.function.logged_function import StageFunctions
from lading.stacks.function.proxy import Proxy, adapter_layer, emulated
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.permissions import acknowledge_resource, allow
from lading.stacks.plan.endpoints import Endpoint, PlannedEndpoint
from lading.stacks.plan.models import PlannedModel
from lading.stacks.stages.judge import StageJudge, unjudged_update
from lading.stacks.stages.sagemaker import SageMakerSettings
from lading.stacks.stages.settings import ArtifactKeys

_LANGUAGE = frozenset({"vllm", "djl-lmi"})
"""Engines of language models: requests name the model."""


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """What an endpoint is created from.

    Args:
        endpoint: what it serves; an emulated account has no SageMaker.
        version: its version in the lock.
        settings: how it runs.
        artifact_keys: keys that may encrypt artifacts.
        check_name: name of the function that checks each change.
        dashboard: name of its dashboard; dashboards are global in an account.
        component_name: name of the inference component; with mode scale_to_zero.
        twin_alias: function and alias of the twin, `name:alias`; empty without a twin.
        runtime: URL of an emulated SageMaker; empty: AWS's own.
        judge: what a judge of its updates tolerates; None: there is no judge.
        judge_name: name of the judge's function.
        shadow: the version in its shadow, and its share in percent; None: there is none.
    """

    endpoint: Endpoint
    version: int
    settings: SageMakerSettings
    artifact_keys: ArtifactKeys
    check_name: str
    dashboard: str
    component_name: str
    twin_alias: str = ""
    runtime: str = ""
    judge: StageJudge | None = None
    judge_name: str = ""
    shadow: tuple[PlannedModel, float] | None = None


class ModelEndpoint(Construct):
    """A model's endpoint, its jobs, its alarms, and the check after each change.

    In an emulated account there are the jobs only.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        shared: what its functions share with the others of the stage.
        plan: what it is created from.
        watched: the proxy function.
        topic: receives alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        plan: EndpointPlan,
        watched: WatchedModel,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self._shared, self._plan = shared, plan
        self._watched, self._topic = watched, topic
        self._key = kms.Key(
            self,
            "Key",
            description=f"{watched.function}: jobs, and disks of its endpoint",
            enable_key_rotation=True,
            # The bucket of jobs stays for some days, and its objects need the key.
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.jobs = JobStoreResources(self, "Jobs", days=plan.settings.jobs_days, key=self._key)
        self.served: SageMakerModel | None = None
        if isinstance(plan.endpoint, PlannedEndpoint):
            self.served = self._serve(plan.endpoint)
        elif judged := self._judged():  # an emulated SageMaker may update an endpoint of this name
            self._judge_alarms()
            self._judge(judged, watched.function)
        Aspects.of(self).add(EndpointRules())

    def _serve(self, endpoint: PlannedEndpoint) -> SageMakerModel:
        settings, update = self._plan.settings, self._plan.settings.update
        names: list[str] = []
        if update.rollback:
            alarms = rollback_alarms(Construct(self, "Rollback"), self._watched, self._topic)
            names = [*(alarm.alarm_name for alarm in alarms), *update.alarms]
        judged = self._judged()
        if judged is not None:
            names.append(self._judge_alarms().alarm_name)
        served = SageMakerModel(
            self,
            "SageMaker",
            endpoint=endpoint,
            version=self._plan.version,
            settings=settings,
            prefix=self._watched.function,
            component_name=self._plan.component_name,
            artifact_keys=self._plan.artifact_keys,
            key=self._key,
            jobs=self.jobs,
            shadow=self._shadow(),
            alarms=names,
            runbook=self._watched.runbook,
        )
        self.check = EndpointCheck(
            self,
            "Check",
            shared=self._shared,
            name=self._plan.check_name,
            served=served,
            alarms=names,
        )
        if judged is not None:
            judge = self._judge(judged, served.endpoint_name, served.endpoint.ref)
            self.check.ask(judge, self._plan.judge_name, judged.on_broken)
        watch, prefix = Construct(self, "Watch"), self._watched.function
        watch_endpoint(watch, prefix, self._watched_endpoint(served), self._topic)
        return served

    def _shadow(self) -> ShadowVariant | None:
        """Return the shadow variant; an emulated account has none."""
        if self._plan.shadow is None:
            return None
        model, percent = self._plan.shadow
        assert isinstance(model.endpoint, PlannedEndpoint)
        return ShadowVariant(model.endpoint, model.version, percent, self._captured)

    @property
    def _captured(self) -> str:
        """The folder of captured answers in the bucket of jobs; empty without a shadow."""
        if self._plan.shadow is None:
            return ""
        return f"{JOBS.captures}{self._plan.version}-{self._plan.shadow[0].version}/"

    def _judged(self) -> StageJudge | None:
        """Return what the judge of updates tolerates; None, and a warning, if none can judge."""
        judge, reason = self._plan.judge, unjudged_update(self._plan.settings)
        if judge is None or reason is None:
            return judge
        text = f"updates of the endpoint of model {self._watched.name} are not judged: {reason}"
        Annotations.of(self).add_warning_v2("lading:unjudged-update", text)
        return None

    def _judge_alarms(self) -> cloudwatch.Alarm:
        """Create the alarms on what the judge says, and return the one that rolls back."""
        scope = Construct(self, "Judged")
        worse, _ = judge_alarms(scope, self._watched, self._topic, UPDATE_SIGNALS)
        return worse

    def _judge(self, settings: StageJudge, endpoint: str, ref: str = "") -> RolloutJudge:
        return RolloutJudge(
            self,
            "Judge",
            shared=self._shared,
            name=self._plan.judge_name,
            model_function=self._watched.function,
            place=UpdatePlace(endpoint, self._watched.function, ref),
            settings=settings,
            environment=emulated(self._plan.runtime),
        )

    def _watched_endpoint(self, served: SageMakerModel) -> WatchedEndpoint:
        settings = self._plan.settings
        return WatchedEndpoint(
            name=served.endpoint_name,
            dashboard=self._plan.dashboard,
            component=served.component_name,
            mode=settings.mode,
            error_rate=self._watched.error_rate,
            p99_ms=self._watched.p99_ms,
            backlog=settings.scaling.target,
            runbook=self._watched.runbook,
        )

    @property
    def proxy(self) -> Proxy:
        """Settings of the proxy function."""
        adapter = None
        if self.served:
            adapter = self._plan.settings.web_adapter or adapter_layer(self._shared.architecture)
        return Proxy(
            endpoint=self.address(),
            jobs=JobsPlace(
                self.jobs.bucket.bucket_name, self.jobs.jobs.table_name, owner=Aws.ACCOUNT_ID
            ),
            idempotency_table=self.jobs.idempotency.table_name,
            adapter=adapter,
            adapter_sha256=self._plan.settings.web_adapter_sha256 or "",
            runtime=self._plan.runtime,
        )

    def address(self) -> ServedEndpoint:
        """Return how a function asks this endpoint."""
        settings, planned = self._plan.settings, self._plan.endpoint
        return ServedEndpoint(
            name=self.served.endpoint_name if self.served else self._watched.function,
            component=self.served.component_name if self.served else "",
            engine_model=self._watched.name if planned.engine in _LANGUAGE else "",
            mode=settings.mode,
            hold_s=settings.hold_s,
            time_limit_s=settings.answer_timeout_s,
            twin_function=self._plan.twin_alias,
            twin_model=planned.twin or "",
            captured=self._captured,
        )

    def grant_use(self, function: LambdaModel) -> None:
        """Let the proxy function use this endpoint and nothing else, after the check."""
        self.jobs.grant_use(function.role)
        self._grant_jobs(function)
        if self._plan.twin_alias:
            twin = Stack.of(self).format_arn(
                service="lambda",
                resource="function",
                resource_name=self._plan.twin_alias,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            allow(function.role, "lambda:InvokeFunction", twin)
        if self.served is not None:
            self._grant_endpoint(function.role, self.served)
            # The golden requests, and with them traffic, come after the check.
            function.version.node.add_dependency(self.check.resource)

    def grant_node(self, graph: LambdaModel) -> None:
        """Let the function of a graph ask this endpoint for one of its models."""
        if self.served is not None:
            self._grant_endpoint(graph.role, self.served)

    def _grant_endpoint(self, role: iam.IRole, served: SageMakerModel) -> None:
        endpoint = served.endpoint.ref
        components = [served.component.attr_inference_component_arn] if served.component else []
        invoke = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        if self._plan.settings.mode == "async":
            invoke = ["sagemaker:InvokeEndpointAsync"]
        allow(role, invoke, endpoint, *components)
        allow(role, "sagemaker:DescribeEndpoint", endpoint)
        if components:
            allow(role, "sagemaker:DescribeInferenceComponent", *components)

    def _grant_jobs(self, function: LambdaModel) -> None:
        """Let the function invoke its own version, which runs a job."""
        name = f"function:{self._watched.function}:*"
        arn = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:{name}"
        allow(function.role, "lambda:InvokeFunction", arn)
        acknowledge_resource(
            function.role,
            f"arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:{name}",
            "the versions of this function; their numbers are not known beforehand",
        )
