"""Storage of a model's asynchronous jobs, and of answers to repeated requests.

A bucket holds bodies and deletes them after some days. Two tables hold the states of jobs and the
idempotency keys; their entries expire. In mode async SageMaker reads and writes the same bucket.
"""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.names import JOBS
from lading.stacks.permissions import acknowledge, acknowledge_resource, allow, allow_below
from lading.stacks.stages.sagemaker import Queue
from lading.stacks.storage import expiring_table, private_bucket

_Config = sagemaker.CfnEndpointConfig
_OBJECTS = "bodies of this model's jobs; each has its own name"


class JobStoreResources(Construct):
    """The bucket and the tables of one model's jobs.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        days: how long bodies are kept.
        key: encrypts everything.
    """

    def __init__(self, scope: Construct, id_: str, *, days: int, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self._key = key
        self.bucket = self._bucket(days)
        self.jobs = self._table("Jobs")
        self.idempotency = self._table("Idempotency")

    def grant_use(self, role: iam.IRole) -> None:
        """Let the proxy function keep jobs and create pre-signed URLs of their bodies."""
        items = [f"dynamodb:{action}Item" for action in ("Get", "Put", "Update")]
        for actions, resources in (
            (["s3:GetObject", "s3:PutObject"], [self.bucket.arn_for_objects("*")]),
            # Without it, S3 answers 403 instead of 404 for an object that does not exist yet.
            (["s3:ListBucket"], [self.bucket.bucket_arn]),
            (items, [self.jobs.table_arn, self.idempotency.table_arn]),
            (["dynamodb:DeleteItem"], [self.idempotency.table_arn]),  # an answer that is not kept
        ):
            allow(role, actions, *resources)
        self._key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        _acknowledge_objects(role, self.bucket, "")

    def async_config(
        self, role: iam.IRole, queue: Queue
    ) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
        """Return where SageMaker reads, writes and publishes, and let `role` do so."""
        success = queue.success_topic or self._topic("Done").topic_arn
        error = queue.error_topic or self._topic("Failed").topic_arn
        self._grant_sagemaker(role, [success, error])
        place = f"s3://{self.bucket.bucket_name}"
        return _Config.AsyncInferenceConfigProperty(
            client_config=_Config.AsyncInferenceClientConfigProperty(
                max_concurrent_invocations_per_instance=queue.concurrency
            ),
            output_config=_Config.AsyncInferenceOutputConfigProperty(
                s3_output_path=f"{place}/{JOBS.results}",
                s3_failure_path=f"{place}/{JOBS.failures}",
                kms_key_id=self._key.key_arn,
                notification_config=_Config.AsyncInferenceNotificationConfigProperty(
                    success_topic=success, error_topic=error
                ),
            ),
        )

    def capture_config(
        self, role: iam.IRole, folder: str
    ) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        """Return where SageMaker writes the answers of all variants, and let `role` do so.

        Requests are not captured: they are not compared.
        """
        allow_below(role, "s3:PutObject", _OBJECTS, self.bucket.arn_for_objects(f"{folder}*"))
        self._key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        return _Config.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=100,
            destination_s3_uri=f"s3://{self.bucket.bucket_name}/{folder.rstrip('/')}",
            kms_key_id=self._key.key_arn,
            capture_options=[_Config.CaptureOptionProperty(capture_mode="Output")],
            capture_content_type_header=_Config.CaptureContentTypeHeaderProperty(
                json_content_types=["application/json"]
            ),
        )

    def _grant_sagemaker(self, role: iam.IRole, topics: list[str]) -> None:
        """Let the endpoint's role read bodies, write answers and publish notifications."""
        answers = (JOBS.results, JOBS.failures)
        for action, resources in (
            ("s3:GetObject", [self.bucket.arn_for_objects(f"{JOBS.inputs}*")]),
            ("s3:PutObject", [self.bucket.arn_for_objects(f"{prefix}*") for prefix in answers]),
            ("sns:Publish", topics),
        ):
            allow(role, action, *resources)
        self._key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        _acknowledge_objects(role, self.bucket, JOBS.inputs, *answers)

    def _topic(self, id_: str) -> sns.Topic:
        return sns.Topic(self, id_, master_key=self._key, enforce_ssl=True)

    def _bucket(self, days: int) -> s3.Bucket:
        # CloudFormation cannot delete a bucket with objects in it, so it stays.
        rule = s3.LifecycleRule(
            expiration=Duration.days(days), abort_incomplete_multipart_upload_after=Duration.days(1)
        )
        bucket = private_bucket(self, "Bodies", self._key, lifecycle_rules=[rule])
        reason = "bodies are deleted in days; the API's access log says who created each job"
        acknowledge(bucket, "AwsSolutions-S1", reason)
        return bucket

    def _table(self, id_: str) -> dynamodb.Table:
        names = (JOBS.id, JOBS.expires)
        gone = RemovalPolicy.DESTROY
        table = expiring_table(self, id_, self._key, names, removal_policy=gone)
        acknowledge(table, "AwsSolutions-DDB3", "its entries expire in days")
        return table


def _acknowledge_objects(role: iam.IRole, bucket: s3.Bucket, *prefixes: str) -> None:
    """Acknowledge access to all objects of a bucket, or to all below some prefixes."""
    logical_id = Stack.of(bucket).resolve(bucket.bucket_arn)["Fn::GetAtt"][0]
    for prefix in prefixes:
        resource = f"<{logical_id}.Arn>/{prefix}*"
        acknowledge_resource(role, resource, _OBJECTS)
