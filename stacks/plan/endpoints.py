"""The endpoint of a model that an engine serves on SageMaker, as the lock and the stage have it."""

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
    """A private repository of container images: SageMaker takes no other."""

    account: str
    region: str
    name: str

    @classmethod
    def of(cls, image: str) -> "Repository":
        """The repository that an image URI names.

        Raises:
            ValueError: it is in none of Amazon ECR's.
        """
        found = _REPOSITORY.match(image)
        if found is None:
            raise ValueError(f"its image '{image}' is in no private repository of Amazon ECR")
        return cls(**found.groupdict())


@dataclass(frozen=True, slots=True)
class EngineData:
    """What the engine serves, in S3.

    Args:
        bucket: where.
        prefix: ends in `/`; it is named by the digest of all that lies below it.
        archive: whether that is one `model.tar.gz`.
    """

    bucket: str
    prefix: str
    archive: bool = False


@dataclass(frozen=True, slots=True)
class PlannedEndpoint:
    """An endpoint to make.

    Args:
        engine: what serves there: `triton`, `vllm`, `djl-lmi` or `container`.
        image: its container image, in the region of the endpoint.
        files: what it serves.
        environment: variables of the container.
        twin: the model on Lambda that answers while the endpoint wakes.
    """

    engine: str
    image: str
    files: EngineData
    environment: Mapping[str, str]
    twin: str | None = None


@dataclass(frozen=True, slots=True)
class EmulatedEndpoint:
    """An endpoint that is left out: an emulated cloud has no SageMaker.

    Args:
        engine: what would serve there.
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
    """The endpoint of a version.

    Args:
        engine: what the lock says of it.
        copy: the copy to deploy from.
        deployment: the stage.
        region: where; None: where the AWS profile says.
        twin: the model that answers meanwhile.

    Raises:
        ValueError: the endpoint cannot be made; the text says what to do.
    """
    if deployment.local:
        return EmulatedEndpoint(engine.name, twin)
    if isinstance(copy, LocalCopy) or copy.engine is None:
        raise ValueError("SageMaker reads its engine's files from S3; run `lading push s3://...`")
    return PlannedEndpoint(
        engine=engine.name,
        image=_image(engine.images, deployment, region),
        files=EngineData(copy.bucket, copy.engine, engine.archive),
        environment=engine.environment,
        twin=twin,
    )


def require_instances(name: str, deployment: Deployment) -> None:
    """Refuse an endpoint that nobody has said a machine for.

    Raises:
        ValueError: so it is; the text says where to write it.
    """
    if not deployment.local and not deployment.settings.model(name).sagemaker.instances:
        key = f"stages.{deployment.stage}.models.{name}.sagemaker.instances"
        raise ValueError(f"it goes to SageMaker; write its instance types at {key} in stages.yaml")


def _image(images: Mapping[str, str], deployment: Deployment, region: str | None) -> str:
    known = ", ".join(sorted(images)) or "no region"
    if region is None:
        key = f"stages.{deployment.stage}.regions"
        raise ValueError(f"its container image is one of a region ({known}); write yours at {key}")
    if region not in images:
        raise ValueError(
            f"the lock has its container image for {known}, not for {region}; package it for that "
            "region too"
        )
    image = images[region]
    lies = Repository.of(image).region
    if lies != region:
        raise ValueError(f"its image for {region} lies in {lies}; copy it to a repository there")
    return image
