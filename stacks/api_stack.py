"""The REST API before the models, with the alarms, the dashboards and the firewall of a stage.

It refers to the models' functions by name alone, so that a model is rolled out, or brought back,
without touching it; only a model that comes or goes changes it.
"""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.names import ENVIRONMENT, FRONT
from lading.stacks.api.authorization import authorize
from lading.stacks.api.firewall import Firewall
from lading.stacks.api.rest_api import ModelApi
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import LoggedFunction
from lading.stacks.monitoring.alarms import AlarmTopic, ApiAlarms, topic_by_name
from lading.stacks.monitoring.dashboards import Dashboards
from lading.stacks.monitoring.signals import WatchedApi
from lading.stacks.plan.apis import PlannedApi, told_models
from lading.stacks.stages.settings import ALIAS, OUTPUTS, CustomDomain, Deployment


class ApiStack(Stack):
    """One REST API of a stage; the first also has what the stage has once.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: where; None: where the AWS profile says.
        apis: every API of the stage in this region.
        api: the one that this stack makes.
        assets: the Lambda code.
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
        assets: CodeAssets,
    ) -> None:
        super().__init__(
            scope,
            id_,
            stack_name=f"{deployment.names.api_stack}{api.suffix}",
            description=f"Lading {deployment.stage}: the REST API{api.suffix}",
            env=deployment.environment(region),
        )
        self._deployment, self._planned = deployment, api
        self.api = ModelApi(
            self,
            "Rest",
            deployment=deployment,
            name=_name(deployment, api),
            authorization=authorize(self, deployment, assets, api.suffix),
            account_log_role=api.number == 1,
        )
        self.front = self._front(assets)
        self.api.serve_models(api.models)
        self.api.serve_root(self.front.function)
        if deployment.settings.cors:
            self.api.answer_preflights(self.front.function)
        if deployment.waf:
            Firewall(self, "Firewall", name=self.api.name, stage_arn=self.api.stage_arn)
        self._watch(apis)
        CfnOutput(self, OUTPUTS.api_url, value=self._url())

    def _front(self, assets: CodeAssets) -> LoggedFunction:
        """The front function, which may invoke the live models of this API and nothing else."""
        deployment, models = self._deployment, self._planned.models
        front = LoggedFunction(
            self,
            "Front",
            deployment=deployment,
            name=deployment.names.api_function(f"front{self._planned.suffix}"),
            handler="lading.functions.front.lambda_handler.handler",
            code=assets.functions(self),
            memory_mb=512,
            timeout_s=GATEWAY.timeout_s,
            environment={
                FRONT.prefix: deployment.names.function(""),
                FRONT.models: told_models(models, deployment.names),
                FRONT.alias: ALIAS,
                ENVIRONMENT.cors: ",".join(deployment.settings.cors),
            },
        )
        if models:
            aliases = [self.api.alias_arn(model) for model in models]
            front.role.add_to_principal_policy(
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=aliases)
            )
        return front

    def _watch(self, apis: Sequence[PlannedApi]) -> None:
        """Alarms of this API; in the first stack, topic and dashboards of the whole stage."""
        deployment, names = self._deployment, self._deployment.names
        email = deployment.settings.alarms.email
        first = self._planned.number == 1
        topic = (
            AlarmTopic(self, "Alarms", names=names, email=email).topic
            if first
            else topic_by_name(self, names)
        )
        watched = _watched(deployment, self._planned)
        ApiAlarms(self, "ApiAlarms", api=watched, topic=topic, math=not deployment.local)
        CfnOutput(self, OUTPUTS.alarm_topic_arn, value=topic.topic_arn)
        if first:
            self._draw(apis)

    def _draw(self, apis: Sequence[PlannedApi]) -> None:
        deployment, names = self._deployment, self._deployment.names
        roles = ["front", *(["authorizer"] if deployment.settings.auth == "token" else [])]
        dashboards = Dashboards(
            self,
            "Dashboards",
            names=names,
            apis=[_watched(deployment, api) for api in apis],
            models=[model for api in apis for model in api.models],
            functions=[names.api_function(f"{role}{api.suffix}") for api in apis for role in roles],
        )
        CfnOutput(self, OUTPUTS.dashboard_url, value=dashboards.url)

    def _url(self) -> str:
        domain = self._deployment.settings.domain
        if domain is None or self._planned.number > 1 or self._deployment.local:
            return self.api.api.url
        self._add_domain(domain)
        return f"https://{domain.name}/"

    def _add_domain(self, domain: CustomDomain) -> None:
        """A name of one's own; with no zone given, the target to point it at is an output."""
        name = apigateway.DomainName(
            self,
            "Domain",
            domain_name=domain.name,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", domain.certificate_arn
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS13_1_2_PQ_2025_09,
            endpoint_access_mode=apigateway.EndpointAccessMode.BASIC,
            mapping=self.api.api,
        )
        if domain.hosted_zone_id is None:
            CfnOutput(self, "DomainTarget", value=name.domain_name_alias_domain_name)
            return
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=domain.hosted_zone_id,
            zone_name=domain.hosted_zone_name or domain.name.partition(".")[2],
        )
        alias = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(name))
        for record in (route53.ARecord, route53.AaaaRecord):
            record(self, record.__name__, zone=zone, record_name=f"{domain.name}.", target=alias)


def _name(deployment: Deployment, api: PlannedApi) -> str:
    return f"{deployment.names.api_stack}{api.suffix}"


def _watched(deployment: Deployment, api: PlannedApi) -> WatchedApi:
    slowest = max((model.p99_ms for model in api.models), default=0)
    return WatchedApi(
        name=_name(deployment, api),
        stage=deployment.stage,
        error_rate=deployment.settings.alarms.error_rate,
        p99_ms=slowest or deployment.settings.defaults.p99_ms,
    )
