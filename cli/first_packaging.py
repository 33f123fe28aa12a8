"""Packages the models of a project that has packaged none yet, before it serves them."""

from collections.abc import Sequence
from pathlib import Path

import typer

from lading.api.packaging import Work, package_each, package_line
from lading.cli.options import STORE
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.store.versions import open_store


def package_first(manifest: Path, lock: Path, names: Sequence[str]) -> None:
    """Package these models, or all, if the lock has no version of any model yet.

    Args:
        manifest: models.yaml; without it nothing is packaged.
        lock: models.lock.json.
        names: the models to serve; none: all of the manifest.

    Raises:
        PackagingError: a model cannot be packaged; those before it are published.
    """
    if not manifest.is_file() or read_lock(lock).names():
        return
    specs = load_manifest(manifest).select(names)
    if specs:
        typer.echo(f"{lock} has no versions yet: packaging {manifest} first", err=True)
    for _, outcome in package_each(specs, Work(open_store(str(lock.parent / STORE)), lock)):
        if isinstance(outcome, Exception):
            raise outcome
        typer.echo(package_line(outcome), err=True)
