"""`lading train`: train a model here or in SageMaker, and package the result."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lading.api.packaging import package_line
from lading.api.training import existing, package_run, recipe_of
from lading.cli.commands.package import package_document
from lading.cli.energy import EnergyFile, estimator_of
from lading.cli.errors import CloudUnnamed
from lading.cli.foreseen_training import DryRun, show_foreseen
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Name, Store
from lading.cli.script_output import follow
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.versions import open_store
from lading.training.energy import add_energy
from lading.training.known import find_version
from lading.training.local import train_here
from lading.training.recipe import Recipe
from lading.training.runs import Run, find_run
from lading.training.s3 import S3Objects
from lading.training.sagemaker.jobs import train_there
from lading.training.sagemaker.request import Cloud
from lading.training.sagemaker.tuning import search_there
from lading.training.search import search_here

_ON = typer.Option(help="Where to train.")
_ROLE = typer.Option(envvar="LADING_TRAINING_ROLE", help="ARN of the role of SageMaker's jobs.")
_WORK = typer.Option(envvar="LADING_TRAINING_WORK", help="s3://bucket/prefix for SageMaker's jobs.")
_REGION = typer.Option(
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Region of SageMaker, and of the electricity."
)


def train(
    name: Name,
    on: Annotated[Literal["here", "sagemaker"], _ON] = "here",
    role: Annotated[str, _ROLE] = "",
    work: Annotated[str, _WORK] = "",
    region: Annotated[str, _REGION] = "",
    energy: EnergyFile = ENERGY,
    dry_run: DryRun = False,
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

        lading train churn --dry-run

        lading train churn --on sagemaker --role arn:aws:iam::123456789012:role/training
        --work s3://my-bucket/training
    """
    (spec,) = load_manifest(manifest).select([name])
    recipe = recipe_of(spec)
    cloud = _cloud(role, work, region) if on == "sagemaker" else None
    if dry_run:
        where = f"in SageMaker in {region}" if cloud else "on this machine"
        how = f"by {recipe.train.entry.name} {where}"
        show_foreseen(spec, how, lock, store, as_json=json_)
        return
    packaged, made = _train(recipe, cloud, estimator_of(energy, region), lock, store)
    if json_:
        document = {**package_document(name, packaged), "training": made}
        typer.echo(json.dumps(document, indent=2))
        return
    figures = "".join(f", {metric} {value:g}" for metric, value in made["metrics"].items())
    typer.echo(f"{package_line(packaged)}; trained in {made['seconds']:.1f} s{figures}")


def _train(
    recipe: Recipe, cloud: Cloud | None, estimator: Estimator, lock: Path, store: str
) -> tuple[Packaged, dict[str, Any]]:
    """Return the version, and what made it."""
    spec = recipe.spec
    run = find_run(recipe)
    if run is None and (known := find_version(spec, recipe.key, lock)):
        number, published = known
        made: dict[str, Any] = published.artifact.specification["training"]
        return existing(spec, lock, number, published), made
    run = add_energy(run or _run(recipe, cloud), estimator)
    return package_run(spec, run, open_store(store), lock), run.record()


def _run(recipe: Recipe, cloud: Cloud | None) -> Run:
    objects, on_line = S3Objects(recipe.spec.place("train")), follow()
    if cloud is None:
        train = search_here if recipe.search else train_here
        return train(recipe, objects, on_line)
    there = search_there if recipe.search else train_there
    return there(recipe, cloud, objects, on_line)


def _cloud(role: str, work: str, region: str) -> Cloud:
    """Return where to train in SageMaker.

    Raises:
        CloudUnnamed: an option is missing.
    """
    for option, value, example in (
        ("--role", role, "arn:aws:iam::123456789012:role/training"),
        ("--work", work, "s3://my-bucket/training"),
        ("--region", region, "eu-west-1"),
    ):
        if not value:
            raise CloudUnnamed(option, example)
    if not work.startswith("s3://"):
        raise CloudUnnamed("--work", "s3://my-bucket/training")
    return Cloud(role, work.rstrip("/"), region)
