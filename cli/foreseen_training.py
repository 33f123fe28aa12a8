"""`--dry-run` of the commands that train a model and package the result."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.packaging import Foreseen, Work, foresee_training
from lading.cli.lock_edits import NOTHING_WRITTEN
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.store.versions import open_store

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say whether it would train; train and write nothing.")
]


def show_foreseen(spec: ModelSpec, how: str, lock: Path, store: str, *, as_json: bool) -> None:
    """Print what the command would do, as far as that is known before a training.

    Args:
        spec: the model.
        how: how it would be trained, such as `by train.py on this machine`.
        lock: path of models.lock.json.
        store: the store of versions.
        as_json: print one JSON object.
    """
    foreseen = foresee_training(spec, Work(open_store(store), lock))
    if as_json:
        typer.echo(json.dumps(_document(spec.name, foreseen)))
        return
    typer.echo(f"{spec.name} {_told(foreseen, how)}")
    typer.echo(NOTHING_WRITTEN, err=True)


def _told(foreseen: Foreseen | None, how: str) -> str:
    if foreseen is None:
        return f"would be trained {how}, and get a new version"
    if foreseen.download:
        return f"would first download {foreseen.download}"
    if foreseen.version is None:
        return "is trained already, and would get a new version"
    return f"would keep version {foreseen.version}"


def _document(model: str, foreseen: Foreseen | None) -> dict[str, Any]:
    known = foreseen or Foreseen(None)
    return {"model": model, "dry_run": True, "trains": foreseen is None, **known._asdict()}
