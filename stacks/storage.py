"""Buckets and tables as every stack creates them: private, encrypted, and over TLS only."""

from typing import Any

from aws_cdk import RemovalPolicy, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.stacks.stages.settings import OUTPUTS, Deployment


def private_bucket(scope: Construct, id_: str, key: kms.IKey | None, **more: Any) -> s3.Bucket:
    """Create a bucket that stays when its stack is deleted; without a key, S3 encrypts it."""
    encryption = s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED
    return s3.Bucket(
        scope,
        id_,
        encryption=encryption,
        encryption_key=key,
        bucket_key_enabled=True if key else None,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=RemovalPolicy.RETAIN,
        **more,
    )


def expiring_table(
    scope: Construct, id_: str, key: kms.IKey, names: tuple[str, str], **more: Any
) -> dynamodb.Table:
    """Create a table that bills by request; `names` are its partition key and its expiry."""
    partition, expires = names
    return dynamodb.Table(
        scope,
        id_,
        partition_key=dynamodb.Attribute(name=partition, type=dynamodb.AttributeType.STRING),
        time_to_live_attribute=expires,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        **more,
    )


def artifact_bucket(deployment: Deployment) -> str:
    """Return the name of the stage's artifact bucket, an output of the stack of artifacts."""
    place = {
        "StackName": deployment.names.artifact_stack,
        "OutputName": OUTPUTS.artifact_bucket_name,
        "Region": {"Ref": "AWS::Region"},
    }
    return Token.as_string({"Fn::GetStackOutput": place})
