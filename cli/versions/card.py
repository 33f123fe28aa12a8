"""`lading card`: the model card of a version, for Hugging Face's hub and for people."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import InputUnreadable
from lading.api.locked import chosen_version
from lading.cli.errors import Unwritable
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest, Name
from lading.functions.inference.artifact.specification import REPORT, SPECIFICATION
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.card import CardSpec
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.report.card import render_card
from lading.model_packaging.report.figures import read_report
from lading.model_packaging.store.transfer import read_nearest


def card(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Default: the stable one.")] = None,
    output: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(help="What `lading evaluate --json` printed: adds metrics by slice."),
    ] = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Write a model card: signature, figures, limits, energy, data and origin of a version.

    It is Markdown with the head that Hugging Face's hub reads. The same is published with each
    version as README.md; this one has the present words of models.yaml, and metrics by slice.

    Examples:

        lading card digits

        lading card churn --evaluation evaluation.json --output README.md
    """
    number = chosen_version(lock, name, version)
    published = read_nearest(name, number, read_lock(lock).model(name).versions[number], lock)
    slices = _read(evaluation) if evaluation else None
    try:
        text = render_card(
            json.loads(published.files[SPECIFICATION]),
            read_report(published.files.get(REPORT, b"")),
            _words(manifest, name),
            slices,
            number,
        )
    except ValueError as error:
        place = evaluation or f"{published.location}/{SPECIFICATION}"
        raise InputUnreadable(str(place), str(error)) from error
    if output:
        _write(output, text)
    document: dict[str, str | int] = {"model": name, "version": number}
    document |= {"file": str(output)} if output else {"card": text}
    if json_:
        typer.echo(json.dumps(document))
    else:
        typer.echo(output or text, nl=output is not None)


def _words(manifest: Path, name: str) -> CardSpec | None:
    """Return what the manifest says of the model; None without a manifest, as in a deployment."""
    if not manifest.exists():
        return None
    spec = load_manifest(manifest).models.get(name)
    return spec.card if spec else None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputUnreadable(str(path), str(error.strerror)) from error
    except (ValueError, RecursionError) as error:
        raise InputUnreadable(str(path), str(error)) from error
    if not isinstance(document, dict):
        raise InputUnreadable(str(path), "must be the object that `lading evaluate --json` prints")
    return document


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unwritable(path, error) from error
