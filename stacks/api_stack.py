"""The stack of a REST API, with the alarms, the dashboards and the firewall of a stage.

It refers to models' functions by name only. A roll-out or a rollback of a model does not change it;
only adding or removing a model does.
"""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.names import ENVIRONMENT, FRONT
from lading.stacks.api.authorization import TokenAuthorizer, TokenSettings
from lading.stacks.api.domain import ApiDomain
from lading.stacks.api.firewall import Firewall
from lading.stacks.api.pages import Pages
from lading.stacks.api.rest_api import ApiSettings, Authorization, ModelApi
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.monitoring.alarms import AlarmTopic, make_alarms, topic_by_name
from lading.stacks.monitoring.dashboards import Dashboards
from lading.stacks.monitoring.drift import DriftWatch
from lading.stacks.monitoring.signals import API_SIGNALS, WatchedApi
from lading.stacks.permissions import allow
from lading.stacks.plan.apis import PlannedApi, list_models
from lading.stacks.stages.domain import answers_health
from lading.stacks.stages.settings import ALIAS, OUTPUTS, Deployment


class ApiStack(Stack):
    """One REST API of a stage; the first stack also has what a stage needs once.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: the region; None: the AWS profile's.
        apis: all APIs of the stage in this region.
        api: the API of this stack.
        shared: what its functions share with the others of the stage.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        region: str | None,
        apis: Sequence[PlannedApi],
        api: PlannedApi,
        shared: StageFunctions,
    ) -> None:
        name = f"{deployment.names.api_stack}{api.suffix}"
        super().__init__(
            scope,
            id_,
            stack_name=name,
            description=f"Lading {deployment.stage}: the REST API{api.suffix}",
            env=deployment.environment(region),
        )
        self._deployment, self._planned, self._shared = deployment, api, shared
        self._named_region, settings = region, deployment.settings
        self._answers_health = answers_health(
            settings.public_health, settings.domain, settings.regions
        )
        self._api = ModelApi(
            self, "Rest", settings=self._settings(name), authorization=self._authorization()
        )
        front = self._front()
        self._api.serve_models(api.models)
        self._api.serve_root(front.function)
        if self._answers_health:
            self._api.answer_health(front.function)
        if settings.pages:
            self._show_pages()
        if deployment.settings.cors:
            self._api.answer_preflights(front.function)
        if deployment.waf:
            Firewall(
                self,
                "Firewall",
                name=name,
                stage_arn=self._api.stage_arn,
                address_limit=deployment.settings.throttling.address_limit,
            )
        self._watch(apis)
        url = self._url()
        CfnOutput(self, OUTPUTS.api_url, value=url)
        if settings.pages:
            CfnOutput(self, OUTPUTS.pages_url, value=f"{url}ui")

    def _settings(self, name: str) -> ApiSettings:
        deployment, settings = self._deployment, self._deployment.settings
        return ApiSettings(
            name=name,
            stage=deployment.stage,
            rate=settings.throttling.rate,
            burst=settings.throttling.burst,
            origins=settings.cors,
            log_retention_days=settings.log_retention_days,
            log_key=settings.log_key,
            account_log_role=self._planned.number == 1,
            firewall=deployment.waf,
            tenants={} if deployment.local else settings.tenants,
            health=self._answers_health,
            pages=settings.pages,
        )

    def _authorization(self) -> Authorization:
        """Return the authorization that the stage's `auth` requires."""
        deployment, names = self._deployment, self._deployment.names
        types = apigateway.AuthorizationType
        if deployment.settings.auth != "token":
            return Authorization(types.IAM if deployment.settings.auth == "iam" else types.NONE)
        tokens = TokenSettings(
            function=names.api_function(f"authorizer{self._planned.suffix}"),
            table=names.token_table,
            key_alias=names.artifact_key,
            cache_s=deployment.settings.authorizer_cache_s,
            base_path=deployment.base_path,
            api=f"{names.api_stack}{self._planned.suffix}",
            tenants=tuple(deployment.settings.tenants),
        )
        authorizer = TokenAuthorizer(self, "Tokens", shared=self._shared, tokens=tokens).authorizer
        # An emulated gateway reads the usage key from a header, never from the authorizer.
        return Authorization(types.CUSTOM, authorizer, usage_plan=not deployment.local)

    def _front(self) -> LoggedFunction:
        """Create the front function, which may invoke the models of this API and nothing else."""
        deployment, models = self._deployment, self._planned.models
        front = LoggedFunction(
            self,
            "Front",
            shared=self._shared,
            name=deployment.names.api_function(f"front{self._planned.suffix}"),
            handler="lading.functions.front.lambda_handler.handler",
            memory_mb=512,
            timeout_s=GATEWAY.timeout_s,
            environment={
                FRONT.prefix: deployment.names.function(""),
                FRONT.models: list_models(models, deployment.names),
                FRONT.alias: ALIAS,
                ENVIRONMENT.cors: ",".join(deployment.settings.cors),
                **({ENVIRONMENT.base_path: it} if (it := deployment.base_path) else {}),
                **({FRONT.checked: self._checked()} if self._answers_health else {}),
            },
        )
        if models:
            allow(front.role, "lambda:InvokeFunction", *map(self._api.alias_arn, models))
        return front

    def _show_pages(self) -> None:
        name = self._deployment.names.api_function(f"pages{self._planned.suffix}")
        pages = Pages(self, "Pages", shared=self._shared, name=name)
        self._api.show_pages(pages.function)

    def _checked(self) -> str:
        """Return the models of the public health check: not those that an endpoint answers.

        A golden request would wake an endpoint that sleeps, and its engine has alarms of its own.
        """
        models = self._planned.models
        return ",".join(model.name for model in models if not model.endpoint_alarms)

    def _watch(self, apis: Sequence[PlannedApi]) -> None:
        """Create this API's alarms; in the first stack also the topic and the dashboards."""
        deployment, name = self._deployment, self._deployment.names.alarm_topic
        first = self._planned.number == 1
        topic = (
            AlarmTopic(self, "Alarms", name=name, email=deployment.settings.alarms.email).topic
            if first
            else topic_by_name(self, name)
        )
        watched, math = _watched(deployment, self._planned), not deployment.local
        scope = Construct(self, "ApiAlarms")
        make_alarms(scope, watched.name, API_SIGNALS, watched, topic, math=math)
        CfnOutput(self, OUTPUTS.alarm_topic_arn, value=topic.topic_arn)
        if first:
            self._draw(apis)
            self._watch_drift(apis, topic)

    def _watch_drift(self, apis: Sequence[PlannedApi], topic: sns.ITopic) -> None:
        """Judge drift on a schedule, if the stage wants that; the counts are in models' logs."""
        deployment, names = self._deployment, self._deployment.names
        models = [model for api in apis for model in api.models]
        if deployment.settings.drift.every_minutes is None or not models:
            return
        DriftWatch(
            self,
            "Drift",
            shared=self._shared,
            name=names.api_function("drift"),
            stage=names.prefix,
            settings=deployment.settings.drift,
            models=models,
            topic=topic,
        )

    def _draw(self, apis: Sequence[PlannedApi]) -> None:
        deployment, names = self._deployment, self._deployment.names
        roles = ["front", *(["authorizer"] if deployment.settings.auth == "token" else [])]
        dashboards = Dashboards(
            self,
            "Dashboards",
            prefix=f"{names.prefix}{deployment.region_suffix(self.region)}",
            stage=names.prefix,
            apis=[_watched(deployment, api) for api in apis],
            models=[model for api in apis for model in api.models],
            functions=[names.api_function(f"{role}{api.suffix}") for api in apis for role in roles],
        )
        CfnOutput(self, OUTPUTS.dashboard_url, value=dashboards.url)

    def _url(self) -> str:
        domain = self._deployment.settings.domain
        if domain is None or self._planned.number > 1 or self._deployment.local:
            return self._api.api.url
        regions = self._deployment.settings.regions
        ApiDomain(self, domain, self._api.api, self._named_region, regions)
        return domain.url


def _watched(deployment: Deployment, api: PlannedApi) -> WatchedApi:
    wakes = any(model.endpoint_alarms for model in api.models)
    slowest = max((model.p99_ms for model in api.models), default=0)
    return WatchedApi(
        name=f"{deployment.names.api_stack}{api.suffix}",
        stage=deployment.stage,
        waking=deployment.names.prefix if wakes else "",
        firewall=deployment.waf,
        error_rate=deployment.settings.alarms.error_rate,
        p99_ms=slowest or deployment.settings.defaults.p99_ms,
        runbook=deployment.settings.watching.runbook,
    )
