"""The service's settings: the one place that reads its environment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from functions.inference.contract import ENVIRONMENT, LAYER_ROOT, S3Object


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model to serve: its versions with their artifact digests, and the labels on them."""

    name: str
    versions: Mapping[int, str]
    labels: Mapping[str, int] = field(default_factory=dict)
    remote: Mapping[int, S3Object] = field(default_factory=dict)
    """Versions that are read from S3; the others lie below the model root."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which models to serve, from where, and how."""

    models: tuple[ServedModel, ...] = ()
    """What to serve."""
    model_root: str = LAYER_ROOT
    """Folder that holds `models/<name>/<version>`."""
    threads: int = 0
    """Threads inside one prediction; 0 leaves the choice to onnxruntime."""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings from variables named in `contract.ENVIRONMENT`.

        `LADING_MODELS` is a slice of the lock:
        `{"digits": {"versions": {"1": "sha256:..."}, "labels": {"stable": 1}}}`. A model too big
        for a layer also has `"s3": {"1": {"bucket": ..., "key": ..., "version_id": ...}}`.

        Raises:
            ValueError: a variable cannot be read; the text names it.
        """
        return cls(
            models=_read_models(environment.get(ENVIRONMENT.models, "{}")),
            model_root=environment.get(ENVIRONMENT.model_root, LAYER_ROOT),
            threads=_read_threads(environment.get(ENVIRONMENT.threads, "0")),
            log_level=environment.get(ENVIRONMENT.log_level, "INFO"),
        )

    def to_environment(self) -> dict[str, str]:
        """The variables from which `from_environment` makes these settings again."""
        models = {model.name: _render_model(model) for model in self.models}
        return {
            ENVIRONMENT.models: json.dumps(models, separators=(",", ":")),
            ENVIRONMENT.model_root: self.model_root,
            ENVIRONMENT.threads: str(self.threads),
            ENVIRONMENT.log_level: self.log_level,
        }


def _read_models(text: str) -> tuple[ServedModel, ...]:
    try:
        return tuple(_read_model(name, entry) for name, entry in json.loads(text).items())
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{ENVIRONMENT.models} is not a slice of a lock: {error!r}") from error


def _read_model(name: str, entry: Mapping[str, Any]) -> ServedModel:
    versions = {int(version): str(digest) for version, digest in entry["versions"].items()}
    labels = {str(label): int(version) for label, version in entry.get("labels", {}).items()}
    remote = {int(version): S3Object(**place) for version, place in entry.get("s3", {}).items()}
    if not versions:
        raise ValueError(f"model '{name}' has no versions")
    for label, version in labels.items():
        if version not in versions:
            raise ValueError(f"label '{label}' of model '{name}' is on version {version}")
    return ServedModel(name, versions, labels, remote)


def _render_model(model: ServedModel) -> dict[str, Any]:
    """The inverse of `_read_model`."""
    entry = {"versions": dict(model.versions), "labels": dict(model.labels)}
    remote = {version: asdict(place) for version, place in model.remote.items()}
    return {**entry, "s3": remote} if remote else entry


def _read_threads(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{ENVIRONMENT.threads} must be a whole number, not '{text}'")
    return int(text)
