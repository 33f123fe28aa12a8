"""The container image of a function with a GPU: the service, CUDA's libraries, a local artifact.

`cdk deploy` builds it with Docker from a folder that holds nothing else, so that it changes only
with its content. A stage can name an image of its own in Amazon ECR instead.
"""

import shutil
from hashlib import sha256
from pathlib import Path

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.names import artifact_folder
from lading.stacks.build.lambda_code import CACHE
from lading.stacks.plan.endpoints import Repository
from lading.stacks.plan.models import LocalArtifact, PlannedModel

DOCKERFILE = "functions/inference/Dockerfile.managed"
_SOURCES = ("functions/contract", "functions/inference")
_FILES = ("functions/__init__.py", "lading/__init__.py", "requirements/managed.txt", DOCKERFILE)
_LAYER = "layer/models"
"""Folder of the context that becomes /opt/models, where a layer would be."""


def gpu_image(
    scope: Construct, project: Path, model: PlannedModel, image: str | None
) -> lambda_.Code:
    """Return the code of a function whose models run on a GPU.

    Args:
        scope: the function's construct.
        project: folder of the checkout.
        model: the model; an artifact in S3 is read when an environment starts.
        image: URI of an image in Amazon ECR, by digest; None: Lading's own.
    """
    if image is not None:
        found = Repository.of(image)
        arn = f"arn:aws:ecr:{found.region}:{found.account}:repository/{found.name}"
        repository = ecr.Repository.from_repository_attributes(
            scope, "Repository", repository_arn=arn, repository_name=found.name
        )
        return lambda_.Code.from_ecr_image(repository, tag_or_digest=image.partition("@")[2])
    return lambda_.Code.from_asset_image(
        str(_context(project, model)),
        file=DOCKERFILE,
        platform=assets.Platform.LINUX_AMD64,
        asset_name=f"lading-{model.name}",
    )


def _context(project: Path, model: PlannedModel) -> Path:
    """Copy what the image holds to a folder of its own."""
    mark = sha256(f"{model.name} {model.version} {model.digest}".encode()).hexdigest()
    folder = project / CACHE / "images" / mark
    shutil.rmtree(folder, ignore_errors=True)
    for source in _SOURCES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project / source, folder / source, ignore=ignored)
    for file in _FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project / file, folder / file)
    layer = folder / _LAYER
    layer.mkdir(parents=True)
    if isinstance(model.artifact, LocalArtifact):
        place = layer.parent / artifact_folder(model.name, model.version)
        place.mkdir(parents=True)
        for name in model.artifact.digests:
            shutil.copy(model.artifact.folder / name, place / name)
    return folder
