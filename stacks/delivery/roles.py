"""What deliveries may do: read artifacts, write new ones, or deploy one stage."""

from typing import Any

from aws_cdk import Aws, DefaultStackSynthesizer
from aws_cdk import aws_iam as iam

from lading.stacks.permissions import allow, allow_below, bucket_arn, grant_decrypt
from lading.stacks.stages.settings import Deployment
from lading.stacks.storage import artifact_bucket

_QUALIFIER = DefaultStackSynthesizer.DEFAULT_QUALIFIER
_BOOTSTRAPPED = ("deploy-role", "file-publishing-role", "image-publishing-role", "lookup-role")
"""Roles of `cdk bootstrap`, which `cdk deploy` assumes; the first passes CloudFormation its own."""
_VERSIONS = "the versions of every model, in the stage's bucket of artifacts"


def grant_read(role: iam.IRole, deployment: Deployment) -> None:
    """Let a role read every version in the stage's bucket of artifacts."""
    _grant_versions(role, deployment, ["s3:GetObject", "s3:GetObjectVersion"], write=False)


def grant_write(role: iam.IRole, deployment: Deployment) -> None:
    """Let a role read every version and publish new ones; the bucket lets nobody overwrite one."""
    actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"]
    _grant_versions(role, deployment, actions, write=True)


def grant_deploy(role: iam.IRole, deployment: Deployment, *stages: str) -> None:
    """Let a role deploy by the CDK, and call the APIs of these stages to check them.

    Args:
        role: the role.
        deployment: the stage whose artifacts and regions count.
        stages: names of stages whose APIs it may call.
    """
    grant_read(role, deployment)
    regions = deployment.settings.regions or (Aws.REGION,)
    for region in regions:
        names = (f"cdk-{_QUALIFIER}-{each}-{Aws.ACCOUNT_ID}-{region}" for each in _BOOTSTRAPPED)
        arns = [f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}" for name in names]
        allow(role, "sts:AssumeRole", *arns)
        for stage in stages:
            api = f"arn:{Aws.PARTITION}:execute-api:{region}:{Aws.ACCOUNT_ID}:*/{stage}/*"
            allow_below(role, "execute-api:Invoke", "the check calls every model's paths", api)


def _grant_versions(
    role: iam.IRole, deployment: Deployment, actions: list[str], *, write: bool
) -> None:
    for bucket in _buckets(deployment):
        arn = bucket_arn(bucket)
        allow(role, "s3:ListBucket", arn)
        allow_below(role, actions, _VERSIONS, f"{arn}/*")
        grant_decrypt(role, deployment.artifact_keys, "s3", arn, write=write)


def _buckets(deployment: Deployment) -> list[str]:
    """Return the buckets that stages.yaml names; without any, that of the stack of artifacts."""
    return sorted(set(deployment.settings.artifact_buckets.values())) or [
        artifact_bucket(deployment)
    ]


def token_subject(subject: str, provider: iam.IOidcProvider) -> iam.WebIdentityPrincipal:
    """Return whoever has a token of GitHub with exactly this subject, made for AWS."""
    issuer = "token.actions.githubusercontent.com"
    conditions: dict[str, Any] = {
        "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}
    }
    return iam.WebIdentityPrincipal(provider.oidc_provider_arn, conditions)
