"""`lading versions`: the versions in the lock."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from lading.api.locked import locked_model
from lading.cli.options import LOCK, Json, Lock, Names
from lading.cli.signatures import STAGE, STAGES, Stage, Stages, local_signature, trust_of_stage
from lading.cli.tables import show_table
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.functions.inference.attestation.verification import short
from lading.model_packaging.lock.file import CopyElsewhere, LockedModel, read_lock, version_folder
from lading.model_packaging.signing.trust import Trust
from lading.model_packaging.sizes import in_words


def versions(
    names: Names = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """List versions with their labels, targets, sizes, accuracy and signatures.

    A signature is compared with the keys that the stage trusts; `lading verify` also reads the
    whole model.

    Examples:

        lading versions

        lading versions digits --json
    """
    content = read_lock(lock)
    models = {name: locked_model(lock, content, name) for name in (names or content.names())}
    trust = trust_of_stage(stages, stage)
    rows = [
        {
            "model": name,
            **_row(model, number),
            **_facts(lock, name, number),
            "signature": _signature(trust, name, number, model, lock),
        }
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


def _signature(
    trust: Trust, name: str, number: int, model: LockedModel, lock: Path
) -> dict[str, str] | None:
    found = local_signature(trust, name, number, model.versions[number], lock)
    return None if found is None else asdict(found)


def _facts(lock: Path, name: str, number: int) -> dict[str, Any]:
    """Return size and accuracy from the artifact; None when it is not on this machine."""
    try:
        folder = version_folder(lock, name, number)
        document = json.loads((folder / SPECIFICATION).read_bytes())
        size = _size(folder, document)
    except (CopyElsewhere, OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"bytes": None, "accuracy": None}
    return {"bytes": size, "accuracy": document.get("accuracy")}


def _size(folder: Path, document: dict[str, Any]) -> int:
    """Return the bytes of the model, of a graph's models, or of the files that its engine loads."""
    engine = document.get("engine")
    if "graph" in document:
        models = document["graph"]["models"].values()
        held = [each["files"][MODEL] for each in models if MODEL in each["files"]]
        return sum((folder / file).stat().st_size for file in held)
    if engine is None:
        model = str(document.get("native", {}).get("file", MODEL))
        return (folder / model).stat().st_size
    return sum(int(file["bytes"]) for file in engine["files"].values())


def _show(rows: list[dict[str, Any]]) -> None:
    headings = ("model", "version", "labels", "target", "size", "accuracy", "signature", "digest")
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
        _signed(row["signature"]),
        row["digest"][:19],
    ]


def _signed(signature: dict[str, str] | None) -> str:
    """Return the state of a signature, and the key that made it."""
    if signature is None:
        return ""
    state = {"missing": "none"}.get(signature["state"], signature["state"])
    return f"{state}, {short(signature['key'])}" if signature["key"] else state
