"""The authorizer of bearer tokens."""

from dataclasses import dataclass

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.functions.contract.names import ENVIRONMENT, TOKENS
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.permissions import allow, grant_decrypt
from lading.stacks.stages.settings import ArtifactKeys

_TIME_LIMIT_S = 10
"""API Gateway waits no longer for an authorizer."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Settings of the authorizer of bearer tokens.

    Args:
        function: name of the authorizer function.
        table: name of the table of tokens.
        key_alias: alias of the key that encrypts the table.
        cache_s: how long the gateway caches an answer.
        base_path: base path of the API's custom domain.
        api: name of the API.
        tenants: the tenants that have a usage plan of their own.
    """

    function: str
    table: str
    key_alias: str
    cache_s: int
    base_path: str = ""
    api: str = ""
    tenants: tuple[str, ...] = ()


class TokenAuthorizer(Construct):
    """The authorizer function, and its attachment to the API.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        shared: what the function shares with the others of the stage.
        tokens: settings of the authorizer.
    """

    def __init__(
        self, scope: Construct, id_: str, *, shared: StageFunctions, tokens: TokenSettings
    ) -> None:
        super().__init__(scope, id_)
        own = LoggedFunction(
            self,
            "Authorizer",
            shared=shared,
            name=tokens.function,
            handler="lading.functions.authorizer.lambda_handler.handler",
            memory_mb=512,  # a cold start consists of imports
            timeout_s=_TIME_LIMIT_S,
            environment={
                TOKENS.table: tokens.table,
                **({ENVIRONMENT.base_path: tokens.base_path} if tokens.base_path else {}),
                **_planned(tokens),
            },
        )
        _grant_look_up(own.role, tokens.table, ArtifactKeys(tokens.key_alias))
        # The authorizer's policy is for one request, so a cached one must be found by its path and
        # method too.
        request = [apigateway.IdentitySource.context(key) for key in ("path", "httpMethod")]
        self.authorizer = apigateway.RequestAuthorizer(
            self,
            "Request",
            handler=own.function,
            identity_sources=[
                apigateway.IdentitySource.header("Authorization"),
                *(request if tokens.cache_s else ()),
            ],
            results_cache_ttl=Duration.seconds(tokens.cache_s),
        )


def _planned(tokens: TokenSettings) -> dict[str, str]:
    """Return the variables of tenants with a usage plan of their own, if there are any."""
    if not tokens.tenants:
        return {}
    return {TOKENS.api: tokens.api, TOKENS.planned: ",".join(tokens.tenants)}


def _grant_look_up(role: iam.IRole, table: str, key: ArtifactKeys) -> None:
    """Let a role read single items of the token table, and nothing else with its key."""
    place = f"arn:{Aws.PARTITION}:dynamodb:{Aws.REGION}:{Aws.ACCOUNT_ID}:table/{table}"
    allow(role, "dynamodb:GetItem", place)
    grant_decrypt(role, key, "dynamodb", table)
