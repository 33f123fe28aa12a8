"""The bucket of a model's batches: what is in it is deleted in days."""

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.stacks.permissions import acknowledge
from lading.stacks.storage import private_bucket


def batch_bucket(scope: Construct, keep_days: int) -> s3.Bucket:
    """Create the bucket of inputs and results."""
    rule = s3.LifecycleRule(
        expiration=Duration.days(keep_days),
        abort_incomplete_multipart_upload_after=Duration.days(1),
    )
    bucket = private_bucket(scope, "Bucket", None, lifecycle_rules=[rule])
    reason = "it holds inputs and results of one model's batches, which are deleted in days"
    acknowledge(bucket, "AwsSolutions-S1", reason)
    return bucket
