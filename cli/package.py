"""`lading package`: make published versions of the manifest's models."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Store
from cli.progress import StageProgress
from model_packaging.manifest import load_manifest
from model_packaging.pipeline import package as package_model
from model_packaging.specification import Packaged
from model_packaging.store import open_store


def package(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all when none.")] = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Convert, optimise, check and publish models, and write the lock.

    A model that has not changed since its last version keeps that version. A model that fails a
    check publishes nothing.

    Examples:

        lading package

        lading package digits --json

        lading package --store s3://my-bucket/models
    """
    specs = load_manifest(manifest).select(names or ())
    opened = open_store(store)
    console = Console(stderr=True)
    done = []
    for spec in specs:
        with StageProgress(spec.name, console) as on_stage:
            done.append(package_model(spec, opened, lock, on_stage))
        if not json_:
            typer.echo(_line(done[-1]))
    if json_:
        typer.echo(json.dumps([asdict(each) for each in done], indent=2))
    elif not done:
        typer.echo(f"{manifest} names no model yet")


def _line(packaged: Packaged) -> str:
    state = "published" if packaged.built else "unchanged"
    line = f"{packaged.name} version {packaged.version} {state}: {packaged.size_after:,} bytes"
    if packaged.size_after != packaged.size_before:
        line += f" (was {packaged.size_before:,})"
    if packaged.accuracy is not None:
        line += f", {packaged.accuracy}"
    return f"{line}, labels: {', '.join(packaged.labels) or 'none'}"
