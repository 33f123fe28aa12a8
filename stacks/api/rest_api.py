"""The REST API: its paths, authorization, throttling and logs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from aws_cdk import Annotations, ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.names import HEALTH_PATH, access_log, usage_key
from lading.functions.contract.routes import root_paths
from lading.stacks.api.gateway_responses import add_gateway_responses
from lading.stacks.api.pages import FOR_ANYBODY, PATHS, THROTTLING
from lading.stacks.function.logged_function import stage_log
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.permissions import acknowledge
from lading.stacks.stages.settings import ALIAS, TenantPlan

TLS_POLICY = "SecurityPolicy_TLS13_1_2_PQ_2025_09"
"""TLS 1.2 or newer; TLS 1.3 with a post-quantum key exchange if the client supports it."""

HEALTH_THROTTLING = {f"{HEALTH_PATH}/GET": FOR_ANYBODY}
"""Route 53's checkers ask about 16 times in 10 s; more than 20 a second of anybody get 429."""

_INTEGRATION_LIMIT = Duration.seconds(GATEWAY.timeout_s)

_PERIODS = {
    "day": apigateway.Period.DAY,
    "week": apigateway.Period.WEEK,
    "month": apigateway.Period.MONTH,
}

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "traceId": "$context.xrayTraceId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "tenant": "$context.authorizer.tenant",
    "token": "$context.authorizer.token",
    "userAgent": "$context.identity.userAgent",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "authorizerLatency": "$context.authorizer.latency",
    "error": "$context.error.message",
    "errorType": "$context.error.responseType",
    "integrationError": "$context.integration.error",
}
"""One JSON line for each request: no body, no query, and of the headers only the user agent."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The credentials that callers need.

    Args:
        type: the authorization that methods require.
        authorizer: the authorizer function, if there is one.
        usage_plan: whether calls count against the caller's key in a usage plan.
    """

    type: apigateway.AuthorizationType
    authorizer: apigateway.IAuthorizer | None = None
    usage_plan: bool = False


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of a REST API.

    Args:
        name: the API's name.
        stage: name of its only stage.
        rate: requests per second that it accepts from all callers together.
        burst: requests that it accepts at once.
        origins: origins whose pages may call it from a browser.
        log_retention_days: how long CloudWatch keeps its logs.
        account_log_role: whether to give API Gateway its role for logs, one for each account.
        firewall: whether a web application firewall is in front of it.
        tenants: the usage plans of tenants that have one of their own.
        log_key: ARN of the key that encrypts its logs.
        health: whether anybody may ask for its health.
        pages: whether anybody gets the pages.
    """

    name: str
    stage: str
    rate: float
    burst: int
    origins: tuple[str, ...]
    log_retention_days: int
    account_log_role: bool
    firewall: bool
    tenants: Mapping[str, TenantPlan] = field(default_factory=dict)
    log_key: str | None = None
    health: bool = False
    pages: bool = False


class ModelApi(Construct):
    """A REST API: each model has a base URL, and the front function answers root paths.

    Args:
        scope: the stack.
        id_: the construct's id.
        settings: settings of the API.
        authorization: who may call.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: ApiSettings, authorization: Authorization
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._authorization = settings, authorization
        self._served: list[apigateway.IResource] = []
        self.api = self._rest_api()
        self._create_execution_log()
        add_gateway_responses(self.api, settings.origins)
        if authorization.usage_plan:
            self._usage_plan()
        if authorization.type == apigateway.AuthorizationType.NONE:
            # Whoever wants this also acknowledges AwsSolutions-APIG4, which finds every path.
            Annotations.of(self).add_warning_v2("lading:open", f"anybody may call {settings.name}")
        self._acknowledge()

    @property
    def stage_arn(self) -> str:
        """ARN of the stage."""
        return self.api.deployment_stage.stage_arn

    def serve_models(self, models: Iterable[WatchedModel]) -> None:
        """Send `/{model}` and everything below it to each model's function, at its alias."""
        for model in models:
            alias = self.alias_arn(model)
            base = self.api.root.add_resource(model.name)
            for resource in (base, base.add_resource("{proxy+}")):
                self._add_method(resource, _integration(alias, model))
            self._permit(f"Invoke{model.name}", alias, f"/{model.name}*")

    def alias_arn(self, model: WatchedModel) -> str:
        """Return the ARN of a model's alias."""
        return Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{model.function}:{ALIAS}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def serve_root(self, front: lambda_.IFunction) -> None:
        """Send the root paths to the front function."""
        for path in root_paths():
            self._add_method(self.api.root.resource_for_path(path), _whole(front.function_arn))
        self._permit("InvokeFront", front.function_arn, "/*")

    def answer_preflights(self, front: lambda_.IFunction) -> None:
        """Let the front function answer browsers' preflight requests, without authorization."""
        for resource in self._served:
            reason = "browsers send preflight requests without credentials; the answer has no data"
            _open(resource, "OPTIONS", front, reason)

    def show_pages(self, pages: lambda_.IFunction) -> None:
        """Let the function of pages answer browsers, without authorization.

        The stage's `THROTTLING` of pages bounds it.
        """
        reason = "the pages are files without data; what they ask for needs authorization"
        for path in PATHS:
            _open(self.api.root.resource_for_path(path), "GET", pages, reason)
        self._permit("InvokePages", pages.function_arn, "/*")

    def answer_health(self, front: lambda_.IFunction) -> None:
        """Let the front function answer the public health check, without authorization.

        The stage's `HEALTH_THROTTLING` bounds it.
        """
        resource = self.api.root.resource_for_path(HEALTH_PATH)
        reason = "Route 53 checks health without credentials; the answer is yes or no"
        _open(resource, "GET", front, reason)

    def _add_method(
        self, resource: apigateway.IResource, integration: apigateway.Integration
    ) -> None:
        authorization = self._authorization
        self._served.append(resource)
        method = resource.add_method(
            "ANY",
            integration,
            authorization_type=authorization.type,
            authorizer=authorization.authorizer,
            api_key_required=authorization.usage_plan,
        )
        reason = "callers are AWS principals or have tokens; user pools are for people"
        acknowledge(method, "AwsSolutions-COG4", reason)

    def _permit(self, id_: str, function: str, path: str) -> None:
        """Add one permission for all paths of a function, whose policy is limited to 20 KB."""
        lambda_.CfnPermission(
            self,
            id_,
            action="lambda:InvokeFunction",
            function_name=function,
            principal="apigateway.amazonaws.com",
            source_arn=self.api.arn_for_execute_api("*", path, self._settings.stage),
        )

    def _rest_api(self) -> apigateway.RestApi:
        settings, name = self._settings, self._settings.name
        log = stage_log(self, "AccessLog", access_log(name), settings)
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description=f"Lading {settings.stage}: every model and dialect",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=["*/*"],
            api_key_source_type=(
                apigateway.ApiKeySourceType.AUTHORIZER if self._authorization.usage_plan else None
            ),
            cloud_watch_role=settings.account_log_role,
            cloud_watch_role_removal_policy=(
                RemovalPolicy.RETAIN if settings.account_log_role else None
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=settings.stage,
                access_log_destination=apigateway.LogGroupLogDestination(log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # it would log bodies
                metrics_enabled=False,  # by method: nothing draws them; the API's own are free
                tracing_enabled=True,
                throttling_rate_limit=settings.rate,
                throttling_burst_limit=settings.burst,
                method_options={
                    **(HEALTH_THROTTLING if settings.health else {}),
                    **(THROTTLING if settings.pages else {}),
                }
                or None,
            ),
        )
        api.node.try_remove_child("Endpoint")  # this output; the stack has its own
        plain = cast("apigateway.CfnRestApi", api.node.default_child)
        plain.security_policy, plain.endpoint_access_mode = TLS_POLICY, "BASIC"
        return api

    def _create_execution_log(self) -> None:
        """Create the log that the gateway would otherwise create itself and keep for ever."""
        stage, settings = self.api.deployment_stage, self._settings
        name = f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{settings.stage}"
        log = stage_log(self, "ExecutionLog", name, settings)
        stage.node.add_dependency(log)

    def _usage_plan(self) -> None:
        """Count the calls of each tenant; one without a plan may use all that the API accepts."""
        settings = self._settings
        plan = self.api.add_usage_plan(
            "Tokens",
            name=settings.name,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.rate, burst_limit=settings.burst
            ),
        )
        plan.add_api_stage(stage=self.api.deployment_stage)
        for tenant, own in settings.tenants.items():
            self._tenant_plan(tenant, own)

    def _tenant_plan(self, tenant: str, own: TenantPlan) -> None:
        """Count the calls of one tenant by its own figures, with the key that the authorizer names.

        The key's value is no secret: the gateway reads it from the authorizer alone.
        """
        name, throttle = self._settings.name, apigateway.ThrottleSettings
        plan = self.api.add_usage_plan(
            f"Tenant{tenant}",
            name=f"{name}-tenant-{tenant}",
            throttle=throttle(rate_limit=own.rate, burst_limit=own.burst),
            quota=None
            if own.quota is None
            else apigateway.QuotaSettings(limit=own.quota.requests, period=_PERIODS[own.quota.per]),
        )
        plan.add_api_stage(stage=self.api.deployment_stage)
        key = apigateway.ApiKey(
            self,
            f"Key{tenant}",
            api_key_name=f"{name}-tenant-{tenant}",
            value=usage_key(name, tenant, own_plan=True),
        )
        plan.add_api_key(key)

    def _acknowledge(self) -> None:
        bodies = (
            "a body is a tensor in one of many formats; the service validates it by the model's "
            "signature, and reports errors in the dialect's own format"
        )
        acknowledge(self.api, "AwsSolutions-APIG2", bodies)
        if not self._settings.firewall:
            reason = "production has a firewall; `waf: true` adds one to this stage"
            acknowledge(self.api.deployment_stage, "AwsSolutions-APIG3", reason)
        if self._settings.account_log_role:
            policy = (
                "arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs"
            )
            reason = "the account's only role for logs of all APIs; AWS requires this policy"
            acknowledge(self.api, f"AwsSolutions-IAM4[Policy::{policy}]", reason)


def _integration(alias: str, model: WatchedModel) -> apigateway.Integration:
    """Return the integration of a model's function: streamed or not."""
    return _streamed(alias, model.timeout_s) if model.streams else _whole(alias)


def _open(
    resource: apigateway.IResource, verb: str, function: lambda_.IFunction, reason: str
) -> None:
    """Let a function answer anybody at a resource, and state why that is right."""
    method = resource.add_method(
        verb, _whole(function.function_arn), authorization_type=apigateway.AuthorizationType.NONE
    )
    for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
        acknowledge(method, rule, reason)


def _whole(function: str) -> apigateway.Integration:
    return apigateway.AwsIntegration(
        service="lambda",
        proxy=True,  # otherwise the function's answer, with its status, would be the body
        path=f"2015-03-31/functions/{function}/invocations",
        options=apigateway.IntegrationOptions(timeout=_INTEGRATION_LIMIT),
    )


def _streamed(function: str, timeout_s: int) -> apigateway.Integration:
    """Return a streamed integration: up to 15 minutes, with a part at least every 5."""
    return apigateway.AwsIntegration(
        service="lambda",
        proxy=True,
        path=f"2021-11-15/functions/{function}/response-streaming-invocations",
        options=apigateway.IntegrationOptions(
            timeout=Duration.seconds(timeout_s),
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
        ),
    )
