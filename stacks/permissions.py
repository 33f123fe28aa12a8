"""Permissions of roles, and findings of rules that are acknowledged with a reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aws_cdk import Acknowledgment, Aws, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from lading.stacks.stages.settings import ArtifactKeys


def own_service(name: str) -> iam.IPrincipal:
    """Return an AWS service that may assume a role for this account's resources only.

    Otherwise it could use the role on behalf of another customer (the confused deputy).
    """
    own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    return iam.ServicePrincipal(f"{name}.amazonaws.com", conditions=own)


def allow(
    role: iam.IRole,
    actions: str | Sequence[str],
    *resources: str,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let a role perform actions on resources."""
    listed = [actions] if isinstance(actions, str) else [*actions]
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=listed, resources=[*resources], conditions=conditions)
    )


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """State why a finding of AWS Solutions or Serverless is right as it is."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_resource(role: IConstruct, resource: str, reason: str) -> None:
    """State why a permission of a role is for more than one resource."""
    acknowledge(role, f"AwsSolutions-IAM5[Resource::{resource}]", reason)


def allow_below(role: iam.IRole, actions: str | Sequence[str], reason: str, *arns: str) -> None:
    """Allow actions on everything whose ARN begins so, and state why that is right."""
    allow(role, actions, *arns)
    for arn in arns:
        acknowledge_resource(role, _shown(Stack.of(role).resolve(arn)), reason)


def _shown(arn: Any) -> str:
    """Return a resolved ARN as the rules of AWS Solutions show it."""
    if isinstance(arn, str):
        return arn
    (function, argument) = next(iter(arn.items()))
    if function == "Fn::Join":
        return "".join(_shown(part) for part in argument[1])
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    return f"<{argument}>" if function == "Ref" else json.dumps(arn, separators=(",", ":"))


def grant_decrypt(
    role: iam.IRole,
    keys: ArtifactKeys,
    service: Literal["s3", "dynamodb"],
    resource: str,
    *,
    write: bool = False,
) -> None:
    """Let a role decrypt what one bucket or table holds, with these keys only; or encrypt, too.

    The stage's key belongs to another stack. Its alias is all that is known, and a policy can name
    an alias in a condition only.
    """
    context = {"s3": "aws:s3:arn", "dynamodb": "aws:dynamodb:tableName"}[service]
    held = {
        "kms:ViaService": Fn.sub(f"{service}.${{AWS::Region}}.amazonaws.com"),
        f"kms:EncryptionContext:{context}": resource,
    }
    key = f"arn:{Aws.PARTITION}:kms:{Aws.REGION}:{Aws.ACCOUNT_ID}:key/*"
    own = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": keys.alias}, "StringEquals": held}
    actions = ["kms:Decrypt", "kms:GenerateDataKey"] if write else ["kms:Decrypt"]
    allow(role, actions, key, conditions=own)
    if keys.others:
        via, place = held
        # The context is an object unless its bucket has S3 Bucket Keys, as the stage's own has.
        objects = {
            "StringEquals": {via: held[via]},
            "StringLike": {place: [resource, f"{resource}/*"]},
        }
        allow(role, actions, *keys.others, conditions=objects)
    acknowledge_resource(
        role,
        "arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*",
        "conditions restrict it to the stage's key, by its alias, and to one bucket or table",
    )


def log_group_arn(name: str) -> str:
    """Return the ARN of a log group, as policies name it."""
    return f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{name}:*"


def bucket_arn(bucket: str) -> str:
    """Return the ARN of a bucket."""
    return f"arn:{Aws.PARTITION}:s3:::{bucket}"
