"""Trains a pruned network again, as `prune.recover` says.

It is a training like that of `train`, with one more channel: `pruned` has the pruned network. That
channel's digest is of what decides it, so that nothing is converted to learn that nothing changed.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.documents import canonical
from lading.model_packaging.errors import FileMissing, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.recovering import PRUNED
from lading.model_packaging.resolution import source_of
from lading.training.channels import Channel, Objects
from lading.training.errors import NotTrained
from lading.training.local import train_here
from lading.training.output import OnLine
from lading.training.recipe import Recipe, read_recipe
from lading.training.recovery.networks import converter_of, require_kept, write_pruned
from lading.training.runs import Run, find_run, model_in, packaging_of

_KEY = "prune.recover"


def recovers(spec: ModelSpec) -> bool:
    """Return whether the manifest asks to train the pruned network again."""
    return spec.prune is not None and spec.prune.recover is not None


def read_recovery(spec: ModelSpec, objects: Objects) -> Recipe:
    """Return the recipe of a recovery; its channel `pruned` has no files yet.

    Raises:
        ManifestError: the manifest has no `prune.recover`.
        PackagingError: the source, the script or a channel is missing.
    """
    if spec.prune is None or spec.prune.recover is None:
        raise ManifestError(spec.place(_KEY), "is missing; add it to train the pruned network")
    train = spec.prune.recover.as_training()
    recipe = read_recipe(replace(spec, train=train, training_key=_KEY), objects)
    pruned = Channel(PRUNED, {}, "", _digest(spec))
    return replace(recipe, channels={**recipe.channels, PRUNED: pruned})


def recover(spec: ModelSpec, objects: Objects, on_line: OnLine) -> Run:
    """Prune a network and train it again, or return the same complete recovery.

    Args:
        spec: the model.
        objects: the way to S3, for channels there.
        on_line: called with each line of the script's output.

    Raises:
        ScriptFailed: the script failed, or took too long.
        TrainingError: it left no model, another network, or one without the zeros.
        PackagingError: the network cannot be read, converted or pruned.
    """
    recipe = read_recovery(spec, objects)
    if known := find_run(recipe):
        return known
    with TemporaryDirectory(prefix="lading-") as folder:
        files = write_pruned(spec, Path(folder))
        channel = replace(recipe.channels[PRUNED], files=files)
        begun = replace(recipe, channels={**recipe.channels, PRUNED: channel})

        def check(run: Run) -> None:
            require_kept(spec, model_in(recipe.spec, run), files)

        return train_here(begun, objects, on_line, check)


def require_recovered(spec: ModelSpec, recipe: Recipe) -> Run:
    """Return the complete recovery of a recipe.

    Raises:
        NotTrained: there is none.
    """
    run = find_run(recipe)
    if run is None:
        raise NotTrained(spec.place(_KEY), spec.name, "recover")
    return run


def recovered(spec: ModelSpec, recipe: Recipe, run: Run) -> ModelSpec:
    """Return the model with the recovered network as its source."""
    made = {**run.record(), "packaging": packaging_of(spec)}
    return replace(spec, source=model_in(recipe.spec, run), unpruned=spec.source, training=made)


def _digest(spec: ModelSpec) -> str:
    """Return the digest of the network, and of how it is pruned."""
    if not spec.source.is_file():
        raise FileMissing(spec.place("source"), spec.source, "put the trained network there")
    for key, path in spec.original_files().items():
        if not path.is_file():
            raise FileMissing(spec.place(key), path, "put it there or correct the path")
    pruning = {key: value for key, value in spec.conversion()["prune"].items() if key != "recover"}
    document = {
        "network": source_of(replace(spec, accuracy=None), converter_of(spec)).digest,
        "prune": pruning,
        "original": spec.original(),
    }
    return sha256(canonical(document))
