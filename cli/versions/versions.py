"""`lading versions`: the versions in the lock."""

import json
from pathlib import Path
from typing import Any

import typer

from lading.cli.locked import locked_model
from lading.cli.options import LOCK, Json, Lock, Names
from lading.cli.tables import show_table
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.model_packaging.lock.file import CopyElsewhere, LockedModel, read_lock, version_folder
from lading.model_packaging.sizes import in_words


def versions(names: Names = None, lock: Lock = LOCK, json_: Json = False) -> None:
    """List versions with their labels, targets, sizes and accuracy.

    Examples:

        lading versions

        lading versions digits --json
    """
    content = read_lock(lock)
    models = {name: locked_model(lock, content, name) for name in (names or content.names())}
    rows = [
        {"model": name, **_row(model, number), **_facts(lock, name, number)}
        for name, model in models.items()
        for number in sorted(model.versions, reverse=True)
    ]
    if json_:
        typer.echo(json.dumps(rows, indent=2))
    elif not rows:
        typer.echo(f"{lock} has no versions yet; run `lading package` to create the first")
    else:
        _show(rows)


def _row(model: LockedModel, number: int) -> dict[str, Any]:
    entry = model.versions[number]
    return {
        "version": number,
        "labels": sorted(label for label, at in model.labels.items() if at == number),
        "target": entry.target,
        "digest": entry.digest,
    }


def _facts(lock: Path, name: str, number: int) -> dict[str, Any]:
    """Return size and accuracy from the artifact; None when it is not on this machine."""
    try:
        folder = version_folder(lock, name, number)
        document = json.loads((folder / SPECIFICATION).read_bytes())
        size = _size(folder, document.get("engine"))
    except (CopyElsewhere, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"bytes": None, "accuracy": None}
    return {"bytes": size, "accuracy": document.get("accuracy")}


def _size(folder: Path, engine: dict[str, Any] | None) -> int:
    """Return the bytes of the model, or of the files that its engine loads."""
    if engine is None:
        return (folder / MODEL).stat().st_size
    return sum(int(file["bytes"]) for file in engine["files"].values())


def _show(rows: list[dict[str, Any]]) -> None:
    headings = ("model", "version", "labels", "target", "size", "accuracy", "digest")
    show_table(headings, map(_cells, rows), right=("version", "size"))


def _cells(row: dict[str, Any]) -> list[str]:
    accuracy = row["accuracy"]
    return [
        row["model"],
        str(row["version"]),
        ", ".join(row["labels"]),
        row["target"],
        in_words(row["bytes"]) if row["bytes"] is not None else "not local",
        f"{accuracy['metric']} {accuracy['after']:.4f}" if accuracy else "",
        row["digest"][:19],
    ]
