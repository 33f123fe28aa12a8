"""`lading train`: train a model, and package the result."""

import json
from pathlib import Path
from typing import Any

import typer

from lading.cli.commands.package import package_document, package_line
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Name, Store
from lading.cli.training import existing, follow, package_run, recipe_of
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.versions import open_store
from lading.training.known import find_version
from lading.training.local import train_here
from lading.training.recipe import Recipe
from lading.training.runs import Run, find_run
from lading.training.s3 import S3Objects


def train(
    name: Name,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Train a model with the script that `train` names in the manifest, and package the result.

    The script's output is shown while it runs. If the code, the data and the parameters are those
    of a version that exists, nothing is trained. A training that fails or is stopped publishes
    nothing.

    Examples:

        lading train churn

        lading train churn --json
    """
    (spec,) = load_manifest(manifest).select([name])
    recipe = recipe_of(spec)
    packaged, made = _train(spec, recipe, lock, store)
    if json_:
        document = {**package_document(name, packaged), "training": made}
        typer.echo(json.dumps(document, indent=2))
        return
    figures = "".join(f", {metric} {value:g}" for metric, value in made["metrics"].items())
    typer.echo(f"{package_line(packaged)}; trained in {made['seconds']:.1f} s{figures}")


def _train(
    spec: ModelSpec, recipe: Recipe, lock: Path, store: str
) -> tuple[Packaged, dict[str, Any]]:
    """Return the version, and what made it."""
    run = find_run(recipe)
    if run is None and (known := find_version(spec, recipe.key, lock)):
        number, published = known
        made: dict[str, Any] = published.artifact.specification["training"]
        return existing(spec, lock, number, published), made
    run = run or _run(spec, recipe)
    return package_run(spec, run, open_store(store), lock), run.record()


def _run(spec: ModelSpec, recipe: Recipe) -> Run:
    return train_here(recipe, S3Objects(spec.place("train")), follow())
