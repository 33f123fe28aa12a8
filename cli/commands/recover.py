"""`lading recover`: train a pruned PyTorch network again, and package the result."""

import json

import typer

from lading.api.packaging import package_line
from lading.api.progress import show_stages
from lading.api.training import find_trained
from lading.cli.commands.package import package_document
from lading.cli.energy import EnergyFile, Region, estimator_of
from lading.cli.foreseen_training import DryRun, show_foreseen
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Name, Store
from lading.cli.script_output import follow
from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.isolated import isolated
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.versions import open_store
from lading.training.energy import add_energy
from lading.training.recovery.recovering import read_recovery, recovered
from lading.training.recovery.recovering import recover as recover_model
from lading.training.s3 import S3Objects

_OWN = Limits(unconfined=True)
"""The file is from a script that has run with all rights of its user already."""


def recover(
    name: Name,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: Store = STORE,
    energy: EnergyFile = ENERGY,
    region: Region = "",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Prune a PyTorch network, train it again with the script of `prune.recover`, and package it.

    The script's output is shown while it runs. The same network, code, data and parameters are
    trained once. The result must keep the zeros of pruning, and must pass the accuracy gate against
    the network before pruning, else nothing is published.

    Examples:

        lading recover digits

        lading recover digits --json

        lading recover digits --dry-run
    """
    (spec,) = load_manifest(manifest).select([name])
    objects = S3Objects(spec.place("prune.recover"))
    recipe = read_recovery(spec, objects)
    if dry_run:
        how = f"again by {recipe.train.entry.name}"
        show_foreseen(spec, how, lock, store, as_json=json_)
        return
    packaged = find_trained(spec, lock)
    if packaged is None:
        estimator = estimator_of(energy, region)
        run = add_energy(recover_model(spec, objects, follow()), estimator)
        with show_stages(spec.name) as on_stage, isolated(_OWN) as builder:
            made = recovered(spec, recipe, run)
            packaged = package(made, open_store(store), lock, on_stage, (), builder)
    typer.echo(
        json.dumps(package_document(name, packaged), indent=2) if json_ else package_line(packaged)
    )
