"""The stack of what outlives every deployment: the artifacts and the bearer tokens.

It names no model, so it can be deployed from a clone that has no lock yet.
"""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.functions.contract.names import TOKENS
from lading.stacks.stages.settings import OUTPUTS, Deployment
from lading.stacks.storage import expiring_table, private_bucket

_OLD_VERSIONS_DAYS, _ACCESS_LOG_DAYS = 90, 365


class ArtifactStack(Stack):
    """The bucket of artifacts, its key and its access log, and the table of tokens.

    Everything stays when the stack is deleted.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: the region; None: the AWS profile's.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, region: str | None
    ) -> None:
        super().__init__(
            scope,
            id_,
            stack_name=deployment.names.artifact_stack,
            description=f"Lading {deployment.stage}: artifacts and tokens",
            env=deployment.environment(region),
            termination_protection=deployment.production,
        )
        self.key = kms.Key(
            self,
            "Key",
            alias=deployment.names.artifact_key,
            description=f"{deployment.names.prefix}: artifacts and tokens",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = self._bucket()
        self.tokens = self._tokens(deployment.names.token_table)
        CfnOutput(self, OUTPUTS.artifact_bucket_name, value=self.bucket.bucket_name)

    def _bucket(self) -> s3.Bucket:
        """Create the bucket of artifacts.

        Its life cycle deletes only noncurrent versions of objects. What the lock names is current:
        artifacts are written only to new keys, which the policy below enforces. A locked version
        becomes noncurrent only when somebody deletes it, and then stays for 90 days.
        """
        bucket = private_bucket(
            self,
            "Artifacts",
            self.key,
            versioned=True,
            server_access_logs_bucket=self._access_log(),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="deleted-versions",
                    noncurrent_version_expiration=Duration.days(_OLD_VERSIONS_DAYS),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(
                    id="unfinished-uploads",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
            ],
        )
        bucket.add_to_resource_policy(_deny_overwriting(bucket))
        return bucket

    def _access_log(self) -> s3.Bucket:
        """Create the bucket of access logs; S3 delivers logs only to buckets with S3's own keys."""
        rule = s3.LifecycleRule(expiration=Duration.days(_ACCESS_LOG_DAYS))
        return private_bucket(self, "AccessLog", None, lifecycle_rules=[rule])

    def _tokens(self, name: str) -> dynamodb.Table:
        recovery = dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True)
        return expiring_table(
            self,
            "Tokens",
            self.key,
            (TOKENS.digest, TOKENS.expires),
            table_name=name,
            point_in_time_recovery_specification=recovery,
            removal_policy=RemovalPolicy.RETAIN,
        )


def _deny_overwriting(bucket: s3.Bucket) -> iam.PolicyStatement:
    """Return a statement that denies overwriting: a write needs the header `If-None-Match`.

    Parts of a multipart upload cannot have it; the request that completes the upload has it.
    """
    return iam.PolicyStatement(
        sid="OnlyToFreeKeys",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=["s3:PutObject"],
        resources=[bucket.arn_for_objects("*")],
        conditions={
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    )
