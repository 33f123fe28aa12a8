"""The requests to SageMaker that start a job: Batch Transform, or Processing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MEGABYTE: Final = 1 << 20
SCRIPT: Final = "answer.py"
"""The program of a Processing job; see `functions/processing_job/answer.py`."""

_ML, _PROCESSING = "/opt/ml", "/opt/ml/processing"
_MOST_MEGABYTES = 100
"""The most of MaxConcurrentTransforms times MaxPayloadInMB."""
_MOST_CONCURRENT = 8
_DAYS, _VOLUME_GB = 3 * 86_400, 50
_TRANSFORM_AMI = "al2-ami-sagemaker-batch-gpu-535"
"""Driver 535; the other AMI has 470, which is older than CUDA 12."""
_LONGEST_ANSWER_SECONDS, _RETRIES = 600, 2


@dataclass(frozen=True, slots=True)
class DeployedEngine:
    """What the stack of a model says of its engine; see `stacks/batches/jobs.py`.

    Args:
        version: the version that is deployed.
        model: name of SageMaker's model for Batch Transform; empty: it cannot run the files.
        role: ARN of the role of its jobs.
        image: URI of its container image.
        files: address of its files in S3.
        environment: variables of its container.
        instance: the instance type of a job.
        gpu: whether that has GPUs.
        count: the number of instances.
        isolated: whether containers have no network.
        subnets: of the account's network; empty: SageMaker's own.
        security_groups: likewise.
        volume_key: the key of the instances' volumes; empty: AWS's own.
    """

    version: int
    model: str
    role: str
    image: str
    files: str
    environment: Mapping[str, str]
    instance: str
    gpu: bool
    count: int = 1
    isolated: bool = True
    subnets: list[str] = field(default_factory=list)
    security_groups: list[str] = field(default_factory=list)
    volume_key: str = ""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job.

    Args:
        name: its name.
        engine: what answers.
        manifest: address of the list of its requests.
        content_type: of the requests.
        largest: bytes of the largest request.
        answers: where its answers are written; ends in `/`.
        script: address of the folder with its program; of a Processing job.
    """

    name: str
    engine: DeployedEngine
    manifest: str
    content_type: str
    largest: int
    answers: str
    script: str = ""


def transform_request(job: JobPlan) -> dict[str, Any]:
    """Return the request of CreateTransformJob: an object is a request, and has an answer."""
    megabytes = max(1, math.ceil(job.largest / MEGABYTE))
    source = {"S3DataType": "ManifestFile", "S3Uri": job.manifest}
    engine = job.engine
    return {
        "TransformJobName": job.name,
        "ModelName": engine.model,
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": max(1, min(_MOST_CONCURRENT, _MOST_MEGABYTES // megabytes)),
        "MaxPayloadInMB": megabytes,
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": _LONGEST_ANSWER_SECONDS,
            "InvocationsMaxRetries": _RETRIES,
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": job.content_type,
            "SplitType": "None",
            "CompressionType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": job.answers,
            "Accept": "application/json",
            "AssembleWith": "None",
        },
        "TransformResources": {
            "InstanceType": engine.instance,
            "InstanceCount": engine.count,
            **({"TransformAmiVersion": _TRANSFORM_AMI} if engine.gpu else {}),
            **({"VolumeKmsKeyId": engine.volume_key} if engine.volume_key else {}),
        },
    }


def processing_request(job: JobPlan) -> dict[str, Any]:
    """Return the request of CreateProcessingJob: the same container, and a program that asks it."""
    engine = job.engine
    inputs = [
        _input("model", engine.files, "FullyReplicated"),
        _input("code", job.script, "FullyReplicated"),
        _input("requests", job.manifest, "ShardedByS3Key", "ManifestFile"),
    ]
    answers = {
        "S3Uri": job.answers,
        "LocalPath": f"{_PROCESSING}/answers",
        "S3UploadMode": "Continuous",
    }
    vpc = {"Subnets": engine.subnets, "SecurityGroupIds": engine.security_groups}
    return {
        "ProcessingJobName": job.name,
        "RoleArn": engine.role,
        "AppSpecification": {
            "ImageUri": engine.image,
            "ContainerEntrypoint": ["python3", f"{_PROCESSING}/code/{SCRIPT}"],
            "ContainerArguments": [
                *("--model", f"{_PROCESSING}/model", "--served", f"{_ML}/model"),
                *("--requests", f"{_PROCESSING}/requests", "--answers", f"{_PROCESSING}/answers"),
                *("--content-type", job.content_type),
            ],
        },
        "Environment": dict(engine.environment),
        "NetworkConfig": {
            "EnableNetworkIsolation": engine.isolated,
            **({"VpcConfig": vpc} if engine.subnets else {}),
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "answers", "S3Output": answers}]},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": engine.instance,
                "InstanceCount": engine.count,
                "VolumeSizeInGB": _VOLUME_GB,
                **({"VolumeKmsKeyId": engine.volume_key} if engine.volume_key else {}),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": _DAYS},
    }


def _input(name: str, address: str, distribution: str, kind: str = "S3Prefix") -> dict[str, Any]:
    source = {
        "S3Uri": address,
        "LocalPath": f"{_PROCESSING}/{name}",
        "S3DataType": kind,
        "S3InputMode": "File",
        "S3DataDistributionType": distribution,
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": source}
