"""The roles of a retraining: its builds, its training jobs, its state machine, its trigger.

Each may do what its part does, and on the resources of one model only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from lading.model_packaging.manifest.training import TrainSpec
from lading.stacks.permissions import allow, allow_below, bucket_arn, grant_decrypt
from lading.stacks.plan.endpoints import Repository
from lading.stacks.retraining.builds import project_arn
from lading.stacks.stages.settings import ArtifactKeys

_HERE = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_DELIVERY = (
    *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery"),
    *("logs:ListLogDeliveries", "logs:UpdateLogDelivery", "logs:DescribeLogGroups"),
    *("logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
)
_TRACES = (
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
)
_RULES = (
    "StepFunctionsGetEventForCodeBuildStartBuildRule",
    "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
)
"""EventBridge's rules through which Step Functions learns that a build or a job has ended."""

_OWN = "files of one model's jobs, in a bucket of their own"
_NAMED = "each job has its own name, which begins with the model's"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a retraining reads and writes.

    Args:
        data: s3://bucket/prefix of each channel in S3.
        data_keys: ARNs of keys that encrypt their buckets.
        work: name of the bucket for the jobs' files.
        store: bucket and prefix of the versions.
        artifact_keys: keys that may encrypt versions.
    """

    data: tuple[str, ...]
    data_keys: tuple[str, ...]
    work: str
    store: tuple[str, str]
    artifact_keys: ArtifactKeys


def service_role(
    scope: Construct, id_: str, service: str, conditions: Mapping[str, Any] | None = None
) -> iam.Role:
    """Create a role that a service of this account assumes."""
    own = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    principal = iam.ServicePrincipal(
        f"{service}.amazonaws.com", conditions=own if conditions is None else dict(conditions)
    )
    return iam.Role(scope, id_, assumed_by=principal)


def grant_build(
    role: iam.Role, model: str, places: Places, sources: Iterable[assets.Asset]
) -> None:
    """Let a build read its sources and the data's list, and publish versions of one model."""
    for asset in sources:
        bucket = bucket_arn(asset.s3_bucket_name)
        read = ["s3:GetObject", "s3:GetObjectVersion"]
        allow(role, read, f"{bucket}/{asset.s3_object_key}")
        allow(role, ["s3:GetBucketAcl", "s3:GetBucketLocation"], bucket)
    _list_data(role, places)
    work = bucket_arn(places.work)
    allow(role, "s3:ListBucket", work)
    allow_below(role, ["s3:GetObject", "s3:PutObject"], _OWN, f"{work}/*")
    bucket, prefix = bucket_arn(places.store[0]), f"{places.store[1]}models/{model}/"
    below = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    allow(role, "s3:ListBucket", bucket, conditions=below)
    publish = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    allow_below(role, publish, "versions of one model", f"{bucket}/{prefix}*")
    grant_decrypt(role, places.artifact_keys, "s3", bucket, write=True)


def grant_training(role: iam.Role, train: TrainSpec, places: Places, job: str) -> None:
    """Let a training job read its data, write its result, and pull its image.

    Args:
        role: the role of training jobs.
        train: how the model is trained.
        places: where.
        job: the start of the jobs' names.
    """
    _list_data(role, places)
    for address in places.data:
        bucket, prefixes = _split(address)
        for arn in (f"{bucket_arn(bucket)}/{each}" for each in prefixes):
            if arn.endswith("*"):
                allow_below(role, "s3:GetObject", "the objects of one channel", arn)
            else:
                allow(role, "s3:GetObject", arn)
    if places.data_keys:
        allow(role, "kms:Decrypt", *places.data_keys)
    work = bucket_arn(places.work)
    kept = ["checkpoints"] if train.spot else []
    allow(role, "s3:ListBucket", work)
    read, written = ("code", "data", *kept), ("jobs", *kept)
    allow_below(role, "s3:GetObject", _OWN, *(f"{work}/{each}/*" for each in read))
    allow_below(role, "s3:PutObject", _OWN, *(f"{work}/{each}/*" for each in written))
    logs = f"arn:{Aws.PARTITION}:logs:{_HERE}:log-group:/aws/sagemaker/TrainingJobs"
    allow(role, ["logs:CreateLogGroup", "logs:DescribeLogStreams"], logs)
    streams = f"{logs}:log-stream:{job}*"
    allow_below(role, ["logs:CreateLogStream", "logs:PutLogEvents"], _NAMED, streams)
    own = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    allow(role, "cloudwatch:PutMetricData", "*", conditions=own)
    _grant_image(role, str(train.image))


def _grant_image(role: iam.Role, image: str) -> None:
    repository = repository_of(image)
    region = Aws.REGION if "{region}" in image else repository.region
    place = f"{region}:{repository.account}:repository/{repository.name}"
    allow(role, _PULL, f"arn:{Aws.PARTITION}:ecr:{place}")
    allow_below(role, "ecr:GetAuthorizationToken", "ECR's login accepts no resource", "*")


def repository_of(image: str) -> Repository:
    """Return the repository of an image; {region} in it may be any.

    Raises:
        ValueError: the image is not in Amazon ECR.
    """
    return Repository.of(image.replace("{region}", "us-east-1"))


def grant_machine(  # noqa: PLR0917 - what it starts
    role: iam.Role, machine: str, project: str, job: str, training: iam.Role, train: TrainSpec
) -> None:
    """Let a state machine start its builds and its jobs: no larger instance, and no longer run.

    Args:
        role: the role of the state machine.
        machine: its ARN.
        project: name of the CodeBuild project.
        job: the start of the jobs' names.
        training: the role of training jobs.
        train: how the model is trained.
    """
    builds = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
    jobs = f"arn:{Aws.PARTITION}:sagemaker:{_HERE}:training-job/{job}*"
    rules = [f"arn:{Aws.PARTITION}:events:{_HERE}:rule/{rule}" for rule in _RULES]
    allow(role, "states:ListExecutions", machine)
    allow(role, builds, project_arn(project))
    bounds = {
        "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": [train.instance]},
        "Null": {"sagemaker:InstanceTypes": "false"},
        "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": train.max_minutes * 60},
    }
    allow(role, "sagemaker:CreateTrainingJob", jobs, conditions=bounds)
    more = ["sagemaker:AddTags", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"]
    allow_below(role, more, _NAMED, jobs)
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    allow(role, "iam:PassRole", training.role_arn, conditions=passed)
    allow(role, ["events:DescribeRule", "events:PutRule", "events:PutTargets"], *rules)
    allow(role, "events:PutEvents", f"arn:{Aws.PARTITION}:events:{_HERE}:event-bus/default")
    allow_below(role, [*_DELIVERY, *_TRACES], "these actions accept no resource", "*")


def _list_data(role: iam.Role, places: Places) -> None:
    for address in places.data:
        bucket, prefixes = _split(address)
        below = {"StringLike": {"s3:prefix": prefixes}}
        allow(role, "s3:ListBucket", bucket_arn(bucket), conditions=below)


def _split(address: str) -> tuple[str, list[str]]:
    """Return a channel's bucket, and its keys: one object, or those below its folder."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    folder = prefix.rstrip("/")
    return bucket, [folder, f"{folder}/*"] if folder else ["*"]
