"""What a model needs so that the cloud can train it again by itself, and compare the result."""

from pathlib import Path

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.training import TrainSpec


def require_retrainable(spec: ModelSpec) -> TrainSpec:
    """Return how the cloud trains a model.

    Raises:
        ManifestError: it cannot, because the manifest lacks something; with the place.
    """
    train = spec.train
    if train is None:
        raise ManifestError(spec.place("train"), "is missing; add it to train this model again")
    if train.search is not None:
        reason = "is a search, not one training; write the best parameters to train.parameters"
        raise ManifestError(spec.place("train.search"), reason)
    if train.image is None:
        advice = "name a container image with Python and the framework, such as one of AWS's"
        raise ManifestError(
            spec.place("train.image"), f"is missing; to train in the cloud, {advice}"
        )
    if spec.accuracy is None:
        reason = "is missing; its rows hold a new version against the one that serves"
        raise ManifestError(spec.place("accuracy"), reason)
    if all(isinstance(location, Path) for location in train.channels.values()):
        reason = "names no data in S3, so the cloud would train on the same data each time; write"
        raise ManifestError(spec.place("train.channels"), f"{reason} s3://bucket/prefix")
    return train
