"""Who may call the API: AWS principals, holders of bearer tokens, or anybody."""

from aws_cdk import Acknowledgment, Aws, Duration, Fn, Validations
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.functions.contract.names import TOKENS
from lading.stacks.api.rest_api import Authorization
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import LoggedFunction
from lading.stacks.stages.settings import Deployment

_TIME_LIMIT_S = 10
"""API Gateway waits no longer for an authorizer."""


def authorize(
    scope: Construct, deployment: Deployment, assets: CodeAssets, suffix: str
) -> Authorization:
    """What the stage's `auth` asks for; `suffix` ends the names of what it takes."""
    types = apigateway.AuthorizationType
    if deployment.settings.auth == "token":
        authorizer = TokenAuthorizer(
            scope, "Tokens", deployment=deployment, assets=assets, suffix=suffix
        )
        # An emulated gateway takes the key from a header, never from the authorizer.
        counted = not deployment.local
        return Authorization(types.CUSTOM, authorizer.authorizer, usage_plan=counted)
    return Authorization(types.IAM if deployment.settings.auth == "iam" else types.NONE)


class TokenAuthorizer(Construct):
    """The authorizer function and its place before the API.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        deployment: the stage.
        assets: the Lambda code.
        suffix: end of the function's name.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, assets: CodeAssets, suffix: str
    ) -> None:
        super().__init__(scope, id_)
        names = deployment.names
        own = LoggedFunction(
            self,
            "Authorizer",
            deployment=deployment,
            name=names.api_function(f"authorizer{suffix}"),
            handler="lading.functions.authorizer.lambda_handler.handler",
            code=assets.functions(self),
            memory_mb=512,  # a cold start is all imports
            timeout_s=_TIME_LIMIT_S,
            environment={TOKENS.table: names.token_table},
        )
        _grant_look_up(own.role, names.token_table, names.artifact_key)
        cached = deployment.settings.authorizer_cache_s
        # Its policy is for one request, so what is remembered must be found by all of that.
        request = [apigateway.IdentitySource.context(key) for key in ("path", "httpMethod")]
        self.authorizer = apigateway.RequestAuthorizer(
            self,
            "Request",
            handler=own.function,
            identity_sources=[
                apigateway.IdentitySource.header("Authorization"),
                *(request if cached else ()),
            ],
            results_cache_ttl=Duration.seconds(cached),
        )


def _grant_look_up(role: iam.IRole, table: str, key_alias: str) -> None:
    """Let a role read single items of the token table, and nothing else with its key."""
    place = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["dynamodb:GetItem"],
            resources=[f"arn:{Aws.PARTITION}:dynamodb:{place}:table/{table}"],
        )
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[f"arn:{Aws.PARTITION}:kms:{place}:key/*"],
            conditions={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": key_alias},
                "StringEquals": {
                    "kms:ViaService": Fn.sub("dynamodb.${AWS::Region}.amazonaws.com"),
                    "kms:EncryptionContext:aws:dynamodb:tableName": table,
                },
            },
        )
    )
    Validations.of(role).acknowledge(
        Acknowledgment(
            id="AwsSolutions-IAM5"
            "[Resource::arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*]",
            reason="conditions narrow it to the key of one alias, for one table of DynamoDB; the "
            "key's own ARN is another stack's",
        )
    )
