"""What batches of a model at an endpoint need: a bucket, permissions, and what the command reads.

The command starts SageMaker's jobs, with the role and the image of the endpoint, so an output of
the stack says what these are. Batch Transform needs a model of its own: it accepts none whose files
are a `ModelDataSource`, as the endpoint's are.
"""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from lading.stacks.batches.bucket import batch_bucket
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.permissions import allow, allow_below
from lading.stacks.plan.endpoints import PlannedEndpoint
from lading.stacks.stages.batch import BUCKET_OUTPUT, ENGINE_OUTPUT, BatchSettings
from lading.stacks.stages.sagemaker import SageMakerSettings, has_gpu, has_local_storage


class BatchJobsAccess(Construct):
    """The bucket of one model's batches, and the access of the endpoint's role to it.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        settings: of the batches.
        endpoint: settings of the endpoint.
        planned: what the endpoint serves.
        served: the endpoint.
        version: the version of the model.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: BatchSettings,
        endpoint: SageMakerSettings,
        planned: PlannedEndpoint,
        served: SageMakerModel,
        version: int,
    ) -> None:
        super().__init__(scope, id_)
        bucket = batch_bucket(self, settings.keep_days)
        reason = "inputs and results of one model's batches"
        objects = bucket.arn_for_objects("*")
        allow_below(served.role, ["s3:GetObject", "s3:PutObject"], reason, objects)
        allow(served.role, "s3:ListBucket", bucket.bucket_arn)
        stack = Stack.of(self)
        CfnOutput(stack, BUCKET_OUTPUT, value=bucket.bucket_name)
        said = _engine(settings, endpoint, planned, served)
        said |= {"version": version, "model": ""}
        if planned.files.archive:
            said["model"] = served.batch_model(self, version).attr_model_name
        CfnOutput(stack, ENGINE_OUTPUT, value=stack.to_json_string(said))


def _engine(
    settings: BatchSettings,
    endpoint: SageMakerSettings,
    planned: PlannedEndpoint,
    served: SageMakerModel,
) -> dict[str, Any]:
    """Return what `batch.job_requests.DeployedEngine` reads."""
    instance, files = settings.instance or endpoint.instances[0], planned.files
    key = "" if has_local_storage(instance) else served.volume_key or ""
    return {
        "role": served.role.role_arn,
        "image": planned.image,
        "files": files.address,
        "environment": dict(planned.environment),
        "instance": instance,
        "gpu": has_gpu(instance),
        "count": settings.instance_count,
        "isolated": endpoint.network_isolation,
        "subnets": list(endpoint.vpc.subnets) if endpoint.vpc else [],
        "security_groups": list(endpoint.vpc.security_groups) if endpoint.vpc else [],
        "volume_key": key,
    }
