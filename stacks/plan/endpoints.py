"""The endpoint of a model that an engine serves on SageMaker, by the lock and the stage."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lading.model_packaging.lock.file import LocalCopy, LockedEngine, S3Copy
from lading.stacks.stages.settings import Deployment

_REPOSITORY = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A private repository of container images; SageMaker accepts no other."""

    account: str
    region: str
    name: str

    @classmethod
    def of(cls, image: str) -> "Repository":
        """Return the repository of an image URI.

        Raises:
            ValueError: the image is not in Amazon ECR.
        """
        found = _REPOSITORY.match(image)
        if found is None:
            raise ValueError(
                f"its image '{image}' must be in a private repository of Amazon ECR; copy it there"
            )
        return cls(**found.groupdict())


@dataclass(frozen=True, slots=True)
class EngineData:
    """The files in S3 that an engine serves.

    Args:
        bucket: name of the bucket.
        prefix: ends in `/`, and contains the digest of everything below it.
        archive: whether the files are one `model.tar.gz`.
    """

    bucket: str
    prefix: str
    archive: bool = False

    @property
    def address(self) -> str:
        """The address of the archive, or of the folder."""
        return f"s3://{self.bucket}/{self.prefix}{'model.tar.gz' if self.archive else ''}"


@dataclass(frozen=True, slots=True)
class PlannedEndpoint:
    """An endpoint to create.

    Args:
        engine: `triton`, `vllm`, `djl-lmi` or `container`.
        image: URI of its container image, in the region of the endpoint.
        files: the files that it serves.
        environment: environment variables of the container.
        twin: name of the model on Lambda that answers while the endpoint wakes.
        ami: the AMI with the GPU driver that the image needs; None: unknown.
    """

    engine: str
    image: str
    files: EngineData
    environment: Mapping[str, str]
    twin: str | None = None
    ami: str | None = None


@dataclass(frozen=True, slots=True)
class EmulatedEndpoint:
    """An endpoint that is not created: an emulated account has no SageMaker.

    Args:
        engine: as in `PlannedEndpoint`.
        twin: as in `PlannedEndpoint`.
    """

    engine: str
    twin: str | None = None


Endpoint = PlannedEndpoint | EmulatedEndpoint


def plan_endpoint(
    engine: LockedEngine,
    copy: LocalCopy | S3Copy,
    deployment: Deployment,
    region: str | None,
    twin: str | None,
) -> Endpoint:
    """Return the endpoint of a version.

    Args:
        engine: the version's engine in the lock.
        copy: the copy of the version to deploy from.
        deployment: the stage.
        region: the region; None: the AWS profile's.
        twin: name of the model that answers while the endpoint wakes.

    Raises:
        ValueError: the endpoint cannot be created; the text says what to do.
    """
    if deployment.local:
        return EmulatedEndpoint(engine.name, twin)
    if isinstance(copy, LocalCopy) or copy.engine is None:
        raise ValueError(
            "SageMaker reads the files of its engine from S3; run `lading push --store s3://...`"
        )
    image = _image(engine.images, deployment, region)
    return PlannedEndpoint(
        engine=engine.name,
        image=image,
        files=EngineData(copy.bucket, copy.engine, engine.archive),
        environment=engine.environment,
        twin=twin,
        ami=engine.amis.get(Repository.of(image).region),
    )


def require_instances(name: str, deployment: Deployment) -> None:
    """Refuse an endpoint without instance types.

    Raises:
        ValueError: there are none; the text says where to write them.
    """
    if not deployment.local and not deployment.settings.model(name).sagemaker.instances:
        key = f"stages.{deployment.stage}.models.{name}.sagemaker.instances"
        raise ValueError(
            f"its target is SageMaker; write its instance types to {key} in stages.yaml"
        )


def _image(images: Mapping[str, str], deployment: Deployment, region: str | None) -> str:
    known = ", ".join(sorted(images)) or "no region"
    if region is None:
        key = f"stages.{deployment.stage}.regions"
        raise ValueError(f"its container image depends on the region ({known}); write it to {key}")
    if region not in images:
        raise ValueError(
            f"the lock has its container image for {known}, but not for {region}; package it for "
            "that region too"
        )
    image = images[region]
    found = Repository.of(image).region
    if found != region:
        raise ValueError(f"its image for {region} is in {found}; copy it to {region}")
    return image
