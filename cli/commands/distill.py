"""`lading distill`: teach a small model by a large one, and package the result."""

import json
from pathlib import Path
from typing import Any

import typer

from lading.api.packaging import package_line
from lading.api.progress import show_stages, show_steps
from lading.api.training import builder_of
from lading.cli.commands.package import package_document
from lading.cli.energy import EnergyFile, Region, estimator_of
from lading.cli.foreseen_training import DryRun, show_foreseen
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Name, Store
from lading.cli.tables import show_table
from lading.functions.inference.artifact.specification import REPORT
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.isolated import isolated
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.distilled import figures_of
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.transfer import read_nearest
from lading.model_packaging.store.versions import open_store
from lading.training.distillation.distilling import distill as distill_model
from lading.training.distillation.distilling import distilled
from lading.training.distillation.teachers import find_teacher, settings_of
from lading.training.energy import add_energy

_OWN = Limits(unconfined=True)
"""The file is from a script that has run with all rights of its user already."""


def distill(
    name: Name,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: Store = STORE,
    energy: EnergyFile = ENERGY,
    region: Region = "",
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Teach a model by the answers of a larger one, and package the result.

    The manifest's key `distill` names the teacher, the rows and the student. The same teacher, rows
    and settings are learned once. The finished student must pass the accuracy gate against its
    teacher, else nothing is published.

    Examples:

        lading distill small

        lading distill small --json

        lading distill small --dry-run
    """
    (spec,) = load_manifest(manifest).select([name])
    if spec.distill is None:
        raise ManifestError(spec.place("distill"), "is missing; add it to distil this model")
    if dry_run:
        how = f"on the answers of {find_teacher(spec, lock).name}"
        show_foreseen(spec, how, lock, store, as_json=json_)
        return
    packaged = _package(_student(spec, lock, estimator_of(energy, region)), lock, store)
    figures = _figures(spec, packaged, lock)
    if json_:
        document = {**package_document(name, packaged), "distilled": figures}
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(package_line(packaged))
    rows = [
        [each["name"], f"{each['bytes']:,}", f"{each['p50_ms']:.3g} ms", f"{each['accuracy']:.4f}"]
        for each in figures
    ]
    metric = spec.accuracy.metric if spec.accuracy else ""
    show_table(("", "bytes", "one row", metric), rows, right=("bytes", "one row", metric))


def _student(spec: ModelSpec, lock: Path, estimator: Estimator) -> ModelSpec:
    """Return the model with the student as its source."""
    teacher, epochs = find_teacher(spec, lock), settings_of(spec).epochs
    with show_steps() as on_step:
        on_step(f"{spec.name}: {teacher.name} answers the rows, and the student learns")
        run = distill_model(
            spec,
            teacher,
            lambda epoch, loss: on_step(f"{spec.name}: epoch {epoch} of {epochs}, loss {loss:.4f}"),
        )
    return distilled(spec, add_energy(run, estimator))


def _package(spec: ModelSpec, lock: Path, store: str) -> Packaged:
    with show_stages(spec.name) as on_stage, isolated(_OWN) as builder:
        held = builder_of(spec, lock, builder)
        return package(spec, open_store(store), lock, on_stage, (), held)


def _figures(spec: ModelSpec, packaged: Packaged, lock: Path) -> list[dict[str, Any]]:
    entry = read_lock(lock).model(spec.name).versions[packaged.version]
    published = read_nearest(spec.name, packaged.version, entry, lock)
    return figures_of(json.loads(published.files.get(REPORT, b"{}")))
