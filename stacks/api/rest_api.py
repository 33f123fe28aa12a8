"""The REST API: its paths, who may call them, its limits and its logs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from aws_cdk import (
    Acknowledgment,
    Annotations,
    ArnFormat,
    Duration,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.routes import root_paths
from lading.stacks.api.gateway_responses import word_refusals
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.stages.settings import ALIAS, Deployment

TLS_POLICY = "SecurityPolicy_TLS13_1_2_PQ_2025_09"
"""TLS 1.2 at least, 1.3 with key exchange that resists quantum computers where the caller can."""

_INTEGRATION_LIMIT = Duration.seconds(GATEWAY.timeout_s)

_ACCESS_LOG = {
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
"""One JSON line a request: no body, no query, no header but the user agent."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who may call.

    Args:
        type: what the methods ask for.
        authorizer: what decides, if it is ours.
        usage_plan: calls count against the caller's key in a usage plan.
    """

    type: apigateway.AuthorizationType
    authorizer: apigateway.IAuthorizer | None = None
    usage_plan: bool = False


class ModelApi(Construct):
    """A REST API: each model below a base URL of its own, the front function at the root.

    Args:
        scope: the stack.
        id_: the construct's id.
        deployment: the stage.
        name: the API's name.
        authorization: who may call.
        account_log_role: give API Gateway the role with which it writes logs, one an account.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        name: str,
        authorization: Authorization,
        account_log_role: bool,
    ) -> None:
        super().__init__(scope, id_)
        self._deployment, self._authorization = deployment, authorization
        self.name = name
        self._served: list[apigateway.IResource] = []
        self.access_log = self._log("AccessLog", f"/aws/apigateway/{name}")
        self.api = self._rest_api(name, account_log_role=account_log_role)
        self._bound_execution_log()
        word_refusals(self.api, deployment.settings.cors)
        if authorization.usage_plan:
            self.usage_plan = self._usage_plan()
        if authorization.type == apigateway.AuthorizationType.NONE:
            # Who wants it so acknowledges AwsSolutions-APIG4 too, which finds every path.
            Annotations.of(self).add_warning_v2("lading:open", f"anybody may call {name}")
        self._acknowledge(account_log_role=account_log_role)

    @property
    def stage_arn(self) -> str:
        """ARN of the stage, as the firewall takes it."""
        return self.api.deployment_stage.stage_arn

    def serve_models(self, models: Iterable[WatchedModel]) -> None:
        """Send `/{model}` and what is below it to each model's function, at its alias."""
        for model in models:
            alias = self.alias_arn(model)
            base = self.api.root.add_resource(model.name)
            for resource in (base, base.add_resource("{proxy+}")):
                self._add_method(resource, _integration(alias, model))
            self._permit(f"Invoke{model.name}", alias, f"/{model.name}*")

    def alias_arn(self, model: WatchedModel) -> str:
        """ARN of the alias that answers for a model."""
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
        """Let the front function answer what browsers ask first, which nothing authorizes."""
        for resource in self._served:
            method = resource.add_method(
                "OPTIONS",
                _whole(front.function_arn),
                authorization_type=apigateway.AuthorizationType.NONE,
            )
            for rule in ("AwsSolutions-APIG4", "AwsSolutions-COG4"):
                reason = (
                    "a browser asks without credentials which pages may ask; nothing else is said"
                )
                Validations.of(method).acknowledge(Acknowledgment(id=rule, reason=reason))

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
        Validations.of(method).acknowledge(
            Acknowledgment(
                id="AwsSolutions-COG4",
                reason="callers are AWS principals or hold bearer tokens; a user pool has people",
            )
        )

    def _permit(self, id_: str, function: str, path: str) -> None:
        """One permission a function, for all of its paths: a function's policy has 20 KB."""
        lambda_.CfnPermission(
            self,
            id_,
            action="lambda:InvokeFunction",
            function_name=function,
            principal="apigateway.amazonaws.com",
            source_arn=self.api.arn_for_execute_api("*", path, self._deployment.stage),
        )

    def _rest_api(self, name: str, *, account_log_role: bool) -> apigateway.RestApi:
        settings, log = self._deployment.settings, self.access_log
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description=f"Lading {self._deployment.stage}: every model and dialect",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=["*/*"],
            api_key_source_type=(
                apigateway.ApiKeySourceType.AUTHORIZER if self._authorization.usage_plan else None
            ),
            cloud_watch_role=account_log_role,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN if account_log_role else None,
            deploy_options=apigateway.StageOptions(
                stage_name=self._deployment.stage,
                access_log_destination=apigateway.LogGroupLogDestination(log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # it would log bodies
                metrics_enabled=True,
                tracing_enabled=True,
                throttling_rate_limit=settings.throttling.rate,
                throttling_burst_limit=settings.throttling.burst,
            ),
        )
        api.node.try_remove_child("Endpoint")  # an output; the stack has its own
        plain = cast("apigateway.CfnRestApi", api.node.default_child)
        plain.security_policy, plain.endpoint_access_mode = TLS_POLICY, "BASIC"
        return api

    def _log(self, id_: str, name: str) -> logs.LogGroup:
        log = logs.LogGroup(
            self, id_, log_group_name=name, removal_policy=RemovalPolicy.DESTROY, retention=None
        )
        plain = cast("logs.CfnLogGroup", log.node.default_child)
        plain.retention_in_days = self._deployment.settings.log_retention_days
        return log

    def _bound_execution_log(self) -> None:
        """The gateway makes this log by itself otherwise, and keeps it for ever."""
        stage = self.api.deployment_stage
        name = f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{self._deployment.stage}"
        stage.node.add_dependency(self._log("ExecutionLog", name))

    def _usage_plan(self) -> apigateway.UsagePlan:
        """What every token's calls count against; each token may have all of the throttling."""
        throttling = self._deployment.settings.throttling
        plan = self.api.add_usage_plan(
            "Tokens",
            name=self.name,
            throttle=apigateway.ThrottleSettings(
                rate_limit=throttling.rate, burst_limit=throttling.burst
            ),
        )
        plan.add_api_stage(stage=self.api.deployment_stage)
        return plan

    def _acknowledge(self, *, account_log_role: bool) -> None:
        Validations.of(self.api).acknowledge(
            Acknowledgment(
                id="AwsSolutions-APIG2",
                reason="a body is a tensor in one of many forms; the service checks it by the "
                "model's signature, and says in the dialect's words what is wrong",
            )
        )
        if not self._deployment.waf:
            Validations.of(self.api.deployment_stage).acknowledge(
                Acknowledgment(
                    id="AwsSolutions-APIG3",
                    reason="a firewall stands before production; `waf: true` puts one here",
                )
            )
        if account_log_role:
            pushes = "arn:<AWS::Partition>:iam::aws:policy/service-role/"
            Validations.of(self.api).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions-IAM4[Policy::{pushes}AmazonAPIGatewayPushToCloudWatchLogs]",
                    reason="the account's one role for logs of every API; AWS asks for this policy",
                )
            )


def _integration(alias: str, model: WatchedModel) -> apigateway.Integration:
    """How answers of a model's function come: whole, or while they are made."""
    return _streamed(alias, model.timeout_s) if model.streams else _whole(alias)


def _whole(function: str) -> apigateway.Integration:
    return apigateway.AwsIntegration(
        service="lambda",
        proxy=True,  # else the function's answer, status and all, would be the body
        path=f"2015-03-31/functions/{function}/invocations",
        options=apigateway.IntegrationOptions(timeout=_INTEGRATION_LIMIT),
    )


def _streamed(function: str, timeout_s: int) -> apigateway.Integration:
    """An answer may take 15 minutes, as long as some of it comes every 5."""
    return apigateway.AwsIntegration(
        service="lambda",
        proxy=True,
        path=f"2021-11-15/functions/{function}/response-streaming-invocations",
        options=apigateway.IntegrationOptions(
            timeout=Duration.seconds(timeout_s),
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
        ),
    )
