"""What the builds of a retraining do around `lading package`; `steps.py` runs it.

`prepare` runs before the training job: it reads the recipe, and uploads what the job needs. If a
version of the same recipe exists, there is nothing to train. `collect` runs after the job: it
brings the result here, as if it had been trained here. `conclude` runs after `lading package`: it
compares, and returns the event.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.store.versions import Store
from lading.training.channels import Objects
from lading.training.errors import TrainingError
from lading.training.known import find_version
from lading.training.recipe import read_recipe
from lading.training.retraining.comparing import champion_of, compared
from lading.training.runs import Run, packaging_of
from lading.training.sagemaker.jobs import fetch
from lading.training.sagemaker.request import Cloud, job_name, upload_inputs

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workplace:
    """The files of one build.

    Args:
        lock: models.lock.json, as it was deployed; it is not changed.
        packaged: the output of `lading package --json`.
        failure: why nothing was packaged, if `collect` failed.
    """

    lock: Path = Path("models.lock.json")
    packaged: Path = Path("package.json")
    failure: Path = Path("failure.json")

    @property
    def changed(self) -> Path:
        """The copy of the lock into which `lading package` enters the new version."""
        return self.lock.with_name(f"retrained.{self.lock.name}")


@dataclass(frozen=True, slots=True)
class _Metric:
    """One metric that SageMaker read from a job's log."""

    metric_name: str
    value: float


@dataclass(frozen=True, slots=True)
class _Artifacts:
    s3_model_artifacts: str


@dataclass(frozen=True, slots=True)
class EndedJob:
    """A training job that has completed, in the words of sagemaker-core's `TrainingJob`.

    The state machine knows all of it, so that no build calls SageMaker.
    """

    training_job_name: str
    model_artifacts: _Artifacts
    final_metric_data_list: list[_Metric]
    training_time_in_seconds: int
    billable_time_in_seconds: int
    training_job_status: str = "Completed"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "EndedJob":
        """Return the job from DescribeTrainingJob's answer, or from a part of it."""
        seconds = int(document.get("TrainingTimeInSeconds", 0))
        return cls(
            str(document["TrainingJobName"]),
            _Artifacts(str(document["ModelArtifacts"]["S3ModelArtifacts"])),
            [
                _Metric(str(each["MetricName"]), float(each["Value"]))
                for each in document.get("FinalMetricDataList") or ()
            ],
            seconds,
            int(document.get("BillableTimeInSeconds", seconds)),
        )


def prepare(spec: ModelSpec, objects: Objects, work: str, lock: Path, store: Store) -> Document:
    """Upload what a job needs; return its name and addresses, or the version that exists.

    Args:
        spec: the model.
        objects: the way to S3.
        work: s3://bucket for the job's files.
        lock: path of models.lock.json.
        store: where versions are published.

    Raises:
        TrainingError: the script or a channel is missing or empty.
    """
    recipe = read_recipe(spec, objects)
    known = _version(spec, recipe.key, lock, store)
    if known is not None:
        return {"version": known}
    inputs = upload_inputs(recipe, Cloud(role="", work=work, region=""), objects)
    return {"job": job_name(recipe), "key": recipe.key, "inputs": inputs}


def collect(
    spec: ModelSpec, objects: Objects, key: str, job: Mapping[str, Any], place: Workplace
) -> Run:
    """Make the result of a job a complete training here.

    Args:
        spec: the model.
        objects: the way to S3.
        key: the key of the recipe from which the job was started.
        job: DescribeTrainingJob's answer.
        place: the files of the build.

    Raises:
        TrainingError: the data changed meanwhile, or the script left no model.
    """
    recipe = read_recipe(spec, objects)
    if recipe.key != key:
        reason = "changed while the job ran, so what it read is unknown; start it again"
        raise TrainingError(spec.place_of_training("channels"), reason)
    if place.lock.exists():
        shutil.copy(place.lock, place.changed)
    return fetch(recipe, EndedJob.of(job), objects, {})


def conclude(spec: ModelSpec, place: Workplace) -> Document:
    """Return the event of a retraining, why it failed, or the version that it found again.

    Raises:
        PackagingError: both versions cannot be compared.
    """
    if place.failure.exists():
        failed: Document = json.loads(place.failure.read_text(encoding="utf-8"))
        return failed
    (packaged,) = json.loads(place.packaged.read_text(encoding="utf-8"))
    if "error" in packaged:
        return {"error": packaged["error"]}
    number, deployed = packaged["version"], read_lock(place.lock)
    if number in deployed.model(spec.name).versions:
        return {"version": number}
    champion = champion_of(spec, deployed)
    event = compared(spec, champion, number, place.changed, read_lock(place.changed))
    return {"event": event.model_dump(mode="json")}


def failure(error: PackagingError) -> Document:
    """Return an error as a document, as `lading package --json` does."""
    return {"error": {"kind": type(error).__name__, "message": str(error)}}


def _version(spec: ModelSpec, key: str, lock: Path, store: Store) -> int | None:
    """Return the version of a recipe: in the lock, or the newest that was published since."""
    if known := find_version(spec, key, lock):
        return known[0]
    locked = read_lock(lock).model(spec.name)
    newest = max(store.versions(spec.name), default=None)
    if newest is None or newest in locked.versions or newest in locked.retired:
        return None
    made = store.open(spec.name, newest).artifact.specification.get("training") or {}
    found = (made.get("key"), made.get("packaging")) == (key, packaging_of(spec))
    return newest if found else None
