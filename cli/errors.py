"""The command's exit codes, and its own errors.

CliError
├── BadCall                 the command line is not valid
├── NoJudgement             no judge has looked at a roll-out of the model
├── NothingToCompare        the log has no requests of a version
├── NothingCaptured         a place has no captured requests or truths of the model
├── FieldsMissing           captured requests lack inputs of the model
├── ProjectExists           a folder has a project already
├── CdkFailed               the CDK could not deploy or delete the stacks
├── LibraryNeeded           an optional library is not installed
├── Unwritable              an output file cannot be written
├── WorkflowThere           a workflow exists, and was changed
├── CloudUnnamed            an option that says where to train is missing
├── TokenNotFound           no bearer token has this id
├── RetrainingRuns          a retraining of the model runs already
├── RetrainingFailed        a retraining has failed
├── BatchFailed             a batch in the cloud did not succeed
├── VersionElsewhere        the account has another version than the one asked for
├── NothingToApply          an event proposes no label
└── TracingMissing          OpenTelemetry is not installed

The errors that commands share with the Python API are in `lading.api.errors`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from typer.exceptions import TyperException

from lading.api.errors import LadingError


class EXIT:
    """The exit codes of `lading`; 0 is success, 1 is also an internal error."""

    several: Final = 1
    """Several models failed with different codes."""
    usage: Final = 2
    """An option, models.yaml or models.lock.json is not valid."""
    refused: Final = 3
    """The accuracy gate rejected the model; nothing was published."""
    not_found: Final = 4
    """The model, version or label does not exist."""
    source: Final = 5
    """The trained model or its data cannot be used."""
    damaged: Final = 6
    """A store or an artifact is damaged or cannot be written."""
    server: Final = 7
    """A server or the emulator cannot be reached or started, or its answer is wrong."""
    request: Final = 8
    """The model rejected the input."""


class CliError(LadingError):
    """Root of the tree; carries its exit code.

    Remedy: correct the option that the text names.
    """

    code: int = EXIT.usage


class BadCall(CliError):
    """The command line is not valid.

    Remedy: read `--help` of the command that the text names.
    """

    def __init__(self, error: TyperException) -> None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "lading"
        super().__init__(f"{error.format_message().rstrip('.')}; see `{command} --help`")


class NoJudgement(CliError):
    """No judge has looked at a roll-out of the model.

    Remedy: turn the judge on with `judge: {}` in stages.yaml, and deploy.
    """

    code = EXIT.not_found

    def __init__(self, model: str, stage: str, hours: int) -> None:
        super().__init__(
            f"no roll-out of model '{model}' in stage '{stage}' was judged in the last {hours} "
            "hours; a stage has a judge if stages.yaml has `judge: {}` for it"
        )


class NothingToCompare(CliError):
    """The log has no requests of a version.

    Remedy: name a version that the text lists, or more hours.
    """

    code = EXIT.not_found

    def __init__(self, model: str, version: str, seen: Iterable[str]) -> None:
        known = ", ".join(sorted(seen)) or "none"
        super().__init__(
            f"the log has no requests that version {version} of model '{model}' answered; it has "
            f"those of: {known}"
        )


class NothingCaptured(CliError):
    """A place has no captured requests or truths of the model.

    Remedy: turn capture on for the model, and wait for requests.
    """

    code = EXIT.not_found

    def __init__(self, place: str, what: str) -> None:
        super().__init__(
            f"{place} has no {what}; a stage captures requests if stages.yaml has `capture` for "
            "the model, and `lading serve` with --capture FOLDER"
        )


class FieldsMissing(CliError):
    """Captured requests lack inputs of the model.

    Remedy: add the inputs to `capture.fields`, and replay what is captured from then on.
    """

    code = EXIT.source

    def __init__(self, request_id: str, missing: Iterable[str]) -> None:
        names = ", ".join(f"'{name}'" for name in missing)
        super().__init__(
            f"the captured request '{request_id}' lacks {names}, so that no version can be asked "
            "the same; add them to capture.fields, and replay what is captured from then on"
        )


class TracingMissing(CliError):
    """OpenTelemetry's SDK is not installed.

    Remedy: `pip install 'lading[tracing]'`.
    """

    def __init__(self) -> None:
        super().__init__(
            "--traces needs OpenTelemetry's SDK; install it with pip install 'lading[tracing]'"
        )


class ProjectExists(CliError):
    """There is a manifest where a project was to be created.

    Remedy: name another folder, or add the model to the `models.yaml` that is there.
    """

    def __init__(self, manifest: Path) -> None:
        super().__init__(
            f"{manifest} exists already, and was not changed; name another folder, or add the "
            "model to that file (`lading init --dry-run --from MODEL` in an empty folder shows how)"
        )


class CdkFailed(CliError):
    """The CDK could not deploy or delete the stacks.

    Remedy: correct what the text names; the log that it names has everything that the CDK printed.
    """

    code = EXIT.server

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"{reason}; {log} has all that the CDK printed")
        self.reason, self.log = reason, log


class LibraryNeeded(CliError):
    """An optional library is not installed; `extra` names what installs it.

    Remedy: install the extra that the text names.
    """

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(
            f"{feature} need {library}, which is not installed; install it with "
            f"pip install 'lading[{extra}]', or `make {extra}` in a clone"
        )
        self.library, self.extra = library, extra


class Unwritable(CliError):
    """An output file cannot be written.

    Remedy: choose another `--output`.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror}; choose another --output")


class WorkflowThere(CliError):
    """A workflow of ours exists, and was changed.

    Remedy: move the file away, write it again, and merge your changes.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} exists and differs from what would be written; move it away, and merge your "
            "changes afterwards"
        )
        self.path = path


class CloudUnnamed(CliError):
    """An option that says where to train is missing.

    Remedy: give the option that the text names.
    """

    def __init__(self, option: str, example: str) -> None:
        super().__init__(f"training in SageMaker needs {option}, such as {example}")
        self.option = option


class TokenNotFound(CliError):
    """No bearer token has this id.

    Remedy: list the ids with `lading tokens list`.
    """

    code = EXIT.not_found

    def __init__(self, id_: str, table: str) -> None:
        super().__init__(f"{table} has no token '{id_}'; run `lading tokens list` to see their ids")


class RetrainingRuns(CliError):
    """A retraining of the model runs already.

    Remedy: wait for its end, which `lading retrain NAME --status` shows.
    """

    def __init__(self, model: str, since: object) -> None:
        super().__init__(
            f"a retraining of model '{model}' runs since {since}; wait for its end, which "
            f"`lading retrain {model} --status` shows"
        )


class RetrainingFailed(CliError):
    """A retraining has failed; nothing was announced.

    Remedy: correct the script or its data, and train again.
    """

    code = EXIT.source

    def __init__(self, model: str, error: str, reason: str) -> None:
        super().__init__(f"the retraining of model '{model}' ended with {error}: {reason}")
        self.error, self.reason = error, reason


class BatchFailed(CliError):
    """A batch in the cloud did not succeed; what is answered stays in its bucket.

    Remedy: look at it with `lading batch status NAME`; the same command goes on with it.
    """

    code = EXIT.server

    def __init__(self, model: str, id_: str, status: str) -> None:
        super().__init__(
            f"batch '{id_}' of model '{model}': {status}; `lading batch status {model}` lists its "
            "batches, and the command that started it goes on with it"
        )
        self.model, self.id, self.status = model, id_, status


class VersionElsewhere(CliError):
    """The account has another version than the one asked for."""

    code = EXIT.not_found

    def __init__(self, model: str, wanted: int, deployed: Sequence[int]) -> None:
        known = " and ".join(map(str, deployed))
        many, verb = ("s", "are") if len(deployed) > 1 else ("", "is")
        super().__init__(
            f"version{many} {known} of model '{model}' {verb} deployed, and not version {wanted}; "
            f"deploy it, or take one that is: --version {deployed[0]}"
        )
        self.model, self.wanted, self.deployed = model, wanted, deployed


class NothingToApply(CliError):
    """An event proposes no label.

    Remedy: state a label with `--label`.
    """

    def __init__(self, model: str, version: int) -> None:
        super().__init__(
            f"the event proposes no label for version {version} of model '{model}'; "
            "write one with --label, such as --label candidate"
        )
