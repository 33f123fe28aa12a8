"""`lading package`: publish versions of the manifest's models."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from lading.api.packaging import Foreseen, Work, foresee_each, package_each, package_line
from lading.cli.error_output import error_document, exit_code, print_error
from lading.cli.errors import EXIT
from lading.cli.lock_edits import NOTHING_WRITTEN
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Names
from lading.cli.options import Store as StoreOption
from lading.cli.signatures import SigningKey
from lading.functions.contract.names import NAME_PATTERN
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.packaging_limits import LONGEST_S, Limits
from lading.model_packaging.signing.keys import open_key
from lading.model_packaging.signing.signing import seal
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.versions import open_store

_REGION = typer.Option(
    envvar="LADING_REGIONS", help="Region for the image of a large model; repeat for more."
)
_TIME_LIMIT = typer.Option(min=1, help="Seconds that building one model may take.")
_MEMORY_LIMIT = typer.Option(min=0, help="MiB that building one model may take; 0: all there is.")
_LABEL = typer.Option(help="Label of the versions, in place of the manifest's; repeat for more.")
_UNCONFINED = typer.Option(
    "--unconfined", help="Read files that may run code with all rights of yours."
)
_REFRESH = typer.Option("--refresh", help="Download sources again, at their newest revision.")
_DRY = typer.Option("--dry-run", help="Say which models would get a new version; write nothing.")
_VERBOSE = typer.Option("--verbose", "-v", help="List also the stages that did nothing.")


def package(
    names: Names = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: StoreOption = STORE,
    region: Annotated[list[str] | None, _REGION] = None,
    label: Annotated[list[str] | None, _LABEL] = None,
    signing_key: SigningKey = None,
    time_limit: Annotated[float, _TIME_LIMIT] = LONGEST_S,
    memory_limit: Annotated[int, _MEMORY_LIMIT] = 0,
    unconfined: Annotated[bool, _UNCONFINED] = False,
    refresh: Annotated[bool, _REFRESH] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    dry_run: Annotated[bool, _DRY] = False,
    json_: Json = False,
) -> None:
    """Convert, optimize, check and publish models, and write the lock.

    A model that has not changed since its last version keeps that version. If a model fails, it
    publishes nothing, the others continue, and the command fails at the end. Each model is
    converted in its own process, so that a crash of a library fails only one model. A file that may
    run code (trust in the manifest) is read without network and environment, and can write to no
    place but its own; a system that cannot do that needs --unconfined.

    Examples:

        lading package

        lading package digits --json

        lading package --store s3://my-bucket/models --region eu-west-1

        lading package --dry-run

        lading package --label candidate

        lading package --signing-key awskms:///alias/models
    """
    chosen = _labeled(load_manifest(manifest).select(names or ()), label)
    specs = sorted(chosen, key=lambda spec: spec.graph is not None)  # after their models
    sealed = seal(open_key(signing_key)) if signing_key else None
    outcomes = {}
    limits = Limits(time_limit, memory_limit << 20, unconfined)
    work = Work(open_store(store), lock, region or (), sealed, limits, verbose, refresh=refresh)
    for name, outcome in (foresee_each if dry_run else package_each)(specs, work):
        outcomes[name] = outcome
        if isinstance(outcome, Exception):
            print_error(outcome)
        elif not json_:
            typer.echo(_line(name, outcome))
    if dry_run and not json_:
        typer.echo(NOTHING_WRITTEN, err=True)
    if json_:
        documents = [package_document(name, outcome) for name, outcome in outcomes.items()]
        typer.echo(json.dumps(documents, indent=2))
    elif not specs:
        typer.echo(f"{manifest} lists no models yet; add one below `models:`")
    failures = {name: it for name, it in outcomes.items() if isinstance(it, Exception)}
    if failures:
        raise typer.Exit(_summarize(failures, len(specs)))


def _labeled(specs: Sequence[ModelSpec], labels: Sequence[str] | None) -> Sequence[ModelSpec]:
    """Return the models with these labels; without any, with the manifest's own."""
    for each in labels or ():
        if not re.fullmatch(NAME_PATTERN, each):
            raise typer.BadParameter(
                f"--label: '{each}' has characters other than A-Z a-z 0-9 . _ -"
            )
    return [replace(spec, labels=tuple(labels)) for spec in specs] if labels else specs


def _summarize(failures: Mapping[str, Exception], models: int) -> int:
    """Print which of several models failed, and return the exit code."""
    if models > 1:
        names = ", ".join(failures)
        typer.echo(f"{len(failures)} of {models} models failed: {names}", err=True)
    codes = {exit_code(error) for error in failures.values()}
    return codes.pop() if len(codes) == 1 else EXIT.several


def _line(name: str, outcome: Packaged | Foreseen) -> str:
    if isinstance(outcome, Packaged):
        return package_line(outcome)
    if outcome.download:
        return f"{name} would first download {outcome.download}"
    if outcome.version is None:
        return f"{name} would get a new version"
    return f"{name} would keep version {outcome.version}"


def package_document(name: str, outcome: Packaged | Foreseen | Exception) -> dict[str, Any]:
    """Return the result for scripts, with the keys of `lading versions --json`."""
    if isinstance(outcome, Exception):
        return {"model": name, "error": error_document(outcome)}
    if isinstance(outcome, Foreseen):
        return {"model": name, "dry_run": True, **outcome._asdict()}
    words = {"name": "model", "size_before": "bytes_before", "size_after": "bytes"}
    return {words.get(key, key): value for key, value in asdict(outcome).items()}
