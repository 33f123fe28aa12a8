"""The output of an error: one line with its code, an exit code, and with `--json` a document."""

import json
from typing import Any

import typer

from lading.api.error_codes import code_of
from lading.api.errors import AwsRefused, LadingError, NothingLocked, ServerError
from lading.batch.errors import BatchChanged, BatchRuns, OutputUnusable, RowFailed, S3Refused
from lading.cli.errors import EXIT, CliError
from lading.cli.settings import colors
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import ArtifactError, InferenceError, NotFound
from lading.model_packaging.energy.published import EnergyUnusable
from lading.model_packaging.errors import ManifestError, PackagingError, UnknownModel
from lading.model_packaging.lock.file import CopyElsewhere, LockError
from lading.model_packaging.lock.labels import NoEarlierVersion
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.placement.prices import PricesUnusable
from lading.model_packaging.signing.errors import CryptographyMissing, KeyUnusable, TrustUnusable
from lading.model_packaging.store.errors import StoreError
from lading.stacks.errors import BuildError, StackError

_CODES: dict[type[Exception], int] = {
    UnknownModel: EXIT.not_found,
    ManifestError: EXIT.usage,
    LockError: EXIT.usage,
    NoEarlierVersion: EXIT.not_found,
    PricesUnusable: EXIT.usage,
    EnergyUnusable: EXIT.usage,
    CopyElsewhere: EXIT.not_found,
    AccuracyDropped: EXIT.refused,
    KeyUnusable: EXIT.usage,
    TrustUnusable: EXIT.usage,
    CryptographyMissing: EXIT.usage,
    StoreError: EXIT.damaged,
    RowFailed: EXIT.request,
    S3Refused: EXIT.server,
    BatchRuns: EXIT.usage,
    BatchChanged: EXIT.usage,
    OutputUnusable: EXIT.usage,
    PackagingError: EXIT.source,
    ArtifactError: EXIT.damaged,
    NotFound: EXIT.not_found,
    InferenceError: EXIT.request,
    EmulatorError: EXIT.server,
    NothingLocked: EXIT.not_found,
    AwsRefused: EXIT.server,
    ServerError: EXIT.server,
    LadingError: EXIT.usage,
    BuildError: EXIT.source,
    StackError: EXIT.usage,
}


def end_with_error(error: Exception, *, as_json: bool) -> int:
    """Print the error, with `--json` also as a document, and return its exit code."""
    print_error(error)
    if as_json:
        typer.echo(json.dumps({"error": error_document(error)}))
    return exit_code(error)


def print_error(error: Exception) -> None:
    """Print the error to standard error, with its code at the end of its first line."""
    line, end, rest = str(error).partition("\n")
    text = f"error: {line} [{code_of(type(error))}]{end}{rest}"
    typer.secho(text, err=True, fg="red", color=colors())


def error_document(error: Exception) -> dict[str, Any]:
    """Return the error as a JSON object for scripts."""
    kind = type(error)
    return {"code": code_of(kind), "kind": kind.__name__, "message": str(error)}


def exit_code(error: Exception) -> int:
    """Return the exit code of an error."""
    if isinstance(error, CliError):
        return error.code
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
