"""Where the asynchronous jobs of a model lie, and what has been answered before.

Bodies lie in a bucket, which forgets them after some days; states and idempotency keys in tables,
whose entries say themselves when they end. With mode async SageMaker reads and writes the same
bucket.
"""

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.names import JOBS
from lading.stacks.stages.sagemaker import SageMakerSettings

_Config = sagemaker.CfnEndpointConfig


class JobStoreResources(Construct):
    """The bucket and the tables of one model's jobs.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        days: how long bodies are kept.
        key: encrypts all of it.
    """

    def __init__(self, scope: Construct, id_: str, *, days: int, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self._key = key
        self.bucket = self._bucket(days)
        self.jobs = self._table("Jobs")
        self.idempotency = self._table("Idempotency")

    def grant_use(self, role: iam.IRole) -> None:
        """Let the proxy function keep jobs, and hand out pre-signed addresses for their bodies."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[self.bucket.arn_for_objects("*")],
            )
        )
        # Without it, what is not there yet looks like what is forbidden.
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn])
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[
                    "dynamodb:DeleteItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                resources=[self.jobs.table_arn, self.idempotency.table_arn],
            )
        )
        self._key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        _acknowledge_objects(role, self.bucket, "")

    def async_config(
        self, role: iam.IRole, settings: SageMakerSettings
    ) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        """Where SageMaker reads and writes, and whom it tells; `role` is let to do so."""
        topics = [
            settings.queue.success_topic or self._topic("Done").topic_arn,
            settings.queue.error_topic or self._topic("Failed").topic_arn,
        ]
        self._let_work(role, topics)
        place = f"s3://{self.bucket.bucket_name}"
        return _Config.AsyncInferenceConfigProperty(
            client_config=_Config.AsyncInferenceClientConfigProperty(
                max_concurrent_invocations_per_instance=settings.queue.concurrency
            ),
            output_config=_Config.AsyncInferenceOutputConfigProperty(
                s3_output_path=f"{place}/{JOBS.results}",
                s3_failure_path=f"{place}/{JOBS.failures}",
                kms_key_id=self._key.key_arn,
                notification_config=_Config.AsyncInferenceNotificationConfigProperty(
                    success_topic=topics[0], error_topic=topics[1]
                ),
            ),
        )

    def _let_work(self, role: iam.IRole, topics: list[str]) -> None:
        """What SageMaker does with the endpoint's role: read a body, write an answer, tell."""
        for action, prefixes in (
            ("s3:GetObject", (JOBS.inputs,)),
            ("s3:PutObject", (JOBS.results, JOBS.failures)),
        ):
            places = [self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
            role.add_to_principal_policy(iam.PolicyStatement(actions=[action], resources=places))
        role.add_to_principal_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=topics))
        self._key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        _acknowledge_objects(role, self.bucket, JOBS.inputs, JOBS.results, JOBS.failures)

    def _topic(self, id_: str) -> sns.Topic:
        return sns.Topic(self, id_, master_key=self._key, enforce_ssl=True)

    def _bucket(self, days: int) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Bodies",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(days),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            # A bucket that holds something cannot be deleted; this one empties itself.
            removal_policy=RemovalPolicy.RETAIN,
        )
        Validations.of(bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions-S1",
                reason="bodies are gone in days; the API's access log says who made each job",
            )
        )
        return bucket

    def _table(self, id_: str) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            id_,
            partition_key=dynamodb.Attribute(name=JOBS.id, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=JOBS.expires,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        Validations.of(table).acknowledge(
            Acknowledgment(id="AwsSolutions-DDB3", reason="its entries end in days by themselves")
        )
        return table


def _acknowledge_objects(role: iam.IRole, bucket: s3.Bucket, *prefixes: str) -> None:
    """The objects of one bucket, or below prefixes in it: their names are made with them."""
    logical_id = Stack.of(bucket).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
    Validations.of(role).acknowledge(
        *(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>/{prefix}*]",
                reason="bodies of this model's jobs, whose names are made with them",
            )
            for prefix in prefixes
        )
    )
