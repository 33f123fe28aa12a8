"""Where the asynchronous jobs of a model lie, and what has been answered before.

Bodies lie in a bucket, which forgets them after some days; states and idempotency keys in tables,
whose entries say themselves when they end. With mode async SageMaker reads and writes the same
bucket.
"""

from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from functions.inference.contract import JOBS
from stacks.sagemaker_settings import SageMakerSettings

_Config = sagemaker.CfnEndpointConfig


class JobStore(Construct):
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
        self.jobs = self._table("Jobs", JOBS.id)
        self.idempotency = self._table("Idempotency", JOBS.idempotency_id)

    def grant_use(self, role: iam.IRole) -> None:
        """Let the proxy function keep jobs, and hand out pre-signed addresses for their bodies."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[self.bucket.arn_for_objects("*")],
            )
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
        acknowledge_objects(role, self.bucket)

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
