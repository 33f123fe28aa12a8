"""How what went wrong is told: one line, an exit code, and JSON for those who asked for it."""

import json
from typing import Any

import typer

from lading.cli.errors import EXIT, CliError
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import ArtifactError, InferenceError, NotFound
from lading.model_packaging.errors import ManifestError, PackagingError, UnknownModel
from lading.model_packaging.lock.file import CopyElsewhere, LockError
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.placement.prices import PricesUnusable
from lading.model_packaging.store.errors import StoreError

_CODES: dict[type[Exception], int] = {
    UnknownModel: EXIT.not_found,
    ManifestError: EXIT.usage,
    LockError: EXIT.usage,
    PricesUnusable: EXIT.usage,
    CopyElsewhere: EXIT.not_found,
    AccuracyDropped: EXIT.refused,
    StoreError: EXIT.damaged,
    PackagingError: EXIT.source,
    ArtifactError: EXIT.damaged,
    NotFound: EXIT.not_found,
    InferenceError: EXIT.request,
    EmulatorError: EXIT.server,
}


def report(error: Exception, *, as_json: bool) -> int:
    """Tell the error, and give its exit code."""
    tell(error)
    if as_json:
        typer.echo(json.dumps({"error": document(error)}))
    return exit_code(error)


def tell(error: Exception) -> None:
    """Tell the error in one line on standard error."""
    typer.secho(f"error: {error}", err=True, fg="red")


def document(error: Exception) -> dict[str, Any]:
    """The error for scripts."""
    return {"kind": type(error).__name__, "message": str(error)}


def exit_code(error: Exception) -> int:
    """The exit code of an error."""
    if isinstance(error, CliError):
        return error.code
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
