"""The bucket of a model's captured requests, in the stack of the model."""

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.captured import REQUESTS, TRUTHS
from lading.stacks.permissions import acknowledge, allow, allow_below
from lading.stacks.stages.capture import CAPTURE_OUTPUT, StageCapture
from lading.stacks.storage import private_bucket

_OWN = "captured requests of one model; each has a name of its own"


class CaptureBucket(Construct):
    """Where the function of a model keeps a share of its requests.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        wanted: what is captured.

    `settings` are those of the function.
    """

    def __init__(self, scope: Construct, id_: str, *, wanted: StageCapture) -> None:
        super().__init__(scope, id_)
        self._wanted = wanted
        self._key = kms.Key.from_key_arn(self, "Key", wanted.key) if wanted.key else None
        self._bucket = self._private()
        self.settings = CaptureSettings(
            place=f"s3://{self._bucket.bucket_name}",
            share=wanted.share,
            fields=wanted.allowed,
            key=wanted.key or "",
            owner=Aws.ACCOUNT_ID,
            feedback=wanted.feedback,
        )
        CfnOutput(Stack.of(self), CAPTURE_OUTPUT, value=self._bucket.bucket_name)

    def grant_use(self, role: iam.IRole) -> None:
        """Let a function write requests, and read them and write truths where it accepts these."""
        prefixes = [REQUESTS, *([TRUTHS] if self._wanted.feedback else [])]
        written = [self._bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
        allow_below(role, "s3:PutObject", _OWN, *written)
        if self._wanted.feedback:
            allow_below(role, "s3:GetObject", _OWN, written[0])
            # Without it, S3 answers 403 instead of 404 for an object that does not exist.
            allow(role, "s3:ListBucket", self._bucket.bucket_arn)
        if self._wanted.key:
            actions = ["kms:GenerateDataKey", *(["kms:Decrypt"] if self._wanted.feedback else [])]
            allow(role, actions, self._wanted.key)

    def _private(self) -> s3.Bucket:
        # CloudFormation cannot delete a bucket with objects in it, so it stays.
        rule = s3.LifecycleRule(
            expiration=Duration.days(self._wanted.days),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        )
        bucket = private_bucket(self, "Requests", self._key, lifecycle_rules=[rule])
        acknowledge(bucket, "AwsSolutions-S1", f"they are deleted after {self._wanted.days} days")
        return bucket
