"""The joins of training and packaging: a model's source may be the result of a training."""

from pathlib import Path

from lading.api.progress import show_stages
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import read_published
from lading.model_packaging.errors import SourceError
from lading.model_packaging.isolated import isolated
from lading.model_packaging.lock.edits import edit_lock
from lading.model_packaging.lock.file import Lock
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import Builder, package
from lading.model_packaging.specification import Packaged, summarize
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.versions import Store
from lading.training.distillation.comparison import held_against
from lading.training.distillation.distilling import distilled, require_distilled
from lading.training.distillation.teachers import find_teacher
from lading.training.energy import add_energy
from lading.training.errors import TrainingError
from lading.training.known import find_version
from lading.training.recipe import Recipe, read_recipe
from lading.training.recovery.recovering import (
    read_recovery,
    recovered,
    recovers,
    require_recovered,
)
from lading.training.runs import Run, find_run, require_run, trained
from lading.training.s3 import S3Objects

_OWN = Limits(unconfined=True)
"""The file is from a script that has run with all rights of its user already."""


def recipe_of(spec: ModelSpec) -> Recipe:
    """Return the recipe of a model's training or recovery, as code, data and manifest are now."""
    if recovers(spec):
        return read_recovery(spec, S3Objects(spec.place("prune.recover")))
    return read_recipe(spec, S3Objects(spec.place("train")))


def builder_of(spec: ModelSpec, lock: Path, builder: Builder) -> Builder:
    """Return what builds a model; a student is held against its teacher before it is published."""
    return held_against(find_teacher(spec, lock), builder) if spec.distill else builder


def with_source(spec: ModelSpec, lock: Path) -> ModelSpec:
    """Return the model with its source; that of a trained model is the result of its training.

    Raises:
        NotTrained: it is not trained with its present code, data and parameters.
    """
    if spec.distill:
        return distilled(spec, _counted(require_distilled(spec, find_teacher(spec, lock))))
    if recovers(spec):
        recipe = recipe_of(spec)
        return recovered(spec, recipe, _counted(require_recovered(spec, recipe)))
    if spec.train is None:
        return spec
    return trained(spec, _counted(require_run(recipe_of(spec))))


def _counted(run: Run) -> Run:
    """Return a training with its energy, also if the command that trained was killed before."""
    return add_energy(run, Estimator(read_published(), ""))


def package_run(spec: ModelSpec, run: Run, store: Store, lock: Path) -> Packaged:
    """Package the result of a training, like any other source.

    Raises:
        TrainingError: the model does not load.
        PackagingError: it was rejected; nothing is published.
    """
    made = trained(spec, run)
    try:
        with show_stages(spec.name) as on_stage, isolated(_OWN) as builder:
            return package(made, store, lock, on_stage, (), builder)
    except SourceError as error:
        assert spec.train is not None
        reason = f"{spec.train.entry.name} left a model that cannot be packaged: {error}"
        raise TrainingError(spec.place("train.entry"), reason) from error


def find_trained(spec: ModelSpec, lock: Path) -> Packaged | None:
    """Return the version that this machine would have to train again, if it is published.

    None if the model is not trained by Lading, or its training is on this machine.
    """
    known = trained_version(spec, lock)
    return existing(spec, lock, *known) if known else None


def trained_version(spec: ModelSpec, lock: Path) -> tuple[int, Published] | None:
    """Return what `find_trained` finds, as it is in the store; nothing is written."""
    if spec.train is None and not recovers(spec):
        return None
    recipe = recipe_of(spec)
    return None if find_run(recipe) else find_version(spec, recipe.key, lock)


def existing(spec: ModelSpec, lock: Path, number: int, published: Published) -> Packaged:
    """Point the manifest's labels at a version that exists, and summarize it."""

    def labeled(content: Lock) -> Lock:
        model = content.model(spec.name)
        for label in spec.labels:
            model = model.labeled(label, number)
        return content.replaced(spec.name, model)

    model = edit_lock(lock, labeled).after.model(spec.name)
    labels = tuple(sorted(label for label, at in model.labels.items() if at == number))
    return summarize(published, number, built=False, labels=labels)
