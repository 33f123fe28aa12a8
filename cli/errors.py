"""The command's exit codes, and errors that are its own.

CliError
├── BadCall                 a wrong word on the command line
├── NothingLocked           the lock has no such model, version or label
├── EngineNeeded            the model runs in an engine, and not in this process
├── InputUnreadable         what the user gave as input cannot be read
├── Unwritable              a file that was asked for cannot be written
├── TokenNotFound           no bearer token has this id
├── AwsRefused              AWS, or its library, did not do what was asked
└── ServerError             a running server did not answer as hoped
"""

from pathlib import Path
from typing import Final

from typer.exceptions import TyperException


class EXIT:
    """What an exit code of `lading` means; 0 is success, 1 is also a fault of Lading's own."""

    several: Final = 1
    """Several models failed, each for another reason."""
    usage: Final = 2
    """A wrong option, models.yaml or models.lock.json."""
    refused: Final = 3
    """The accuracy gate refused the model; nothing was published."""
    not_found: Final = 4
    """The model, version or label is not there."""
    source: Final = 5
    """The trained model or its data cannot be used."""
    damaged: Final = 6
    """A store or an artifact is damaged or cannot be written."""
    server: Final = 7
    """The emulator could not start, or a server could not be reached."""
    request: Final = 8
    """The model did not take the input."""


class CliError(Exception):
    """Root of the tree; carries its exit code."""

    code: int = EXIT.usage


class BadCall(CliError):
    """A wrong word on the command line."""

    def __init__(self, error: TyperException) -> None:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "lading"
        super().__init__(f"{error.format_message().rstrip('.')}; see `{command} --help`")


class NothingLocked(CliError):
    """The lock has no such model, version or label."""

    code = EXIT.not_found

    def __init__(self, lock: Path, what: str) -> None:
        advice = "`lading versions` lists what it has, `lading package` adds to it"
        if not lock.exists():
            advice = "it is not there yet; `lading package` writes it"
        super().__init__(f"{lock} has no {what}: {advice}")
        self.lock, self.what = lock, what


class EngineNeeded(CliError):
    """The model runs in an engine, and not in this process."""

    def __init__(self, model: str, engine: str) -> None:
        super().__init__(
            f"model '{model}' is served by {engine}: start it with `lading serve {model}`, "
            "and ask it with --url"
        )
        self.model, self.engine = model, engine


class InputUnreadable(CliError):
    """What the user gave as input cannot be read."""

    code = EXIT.usage

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Unwritable(CliError):
    """A file that was asked for cannot be written."""

    code = EXIT.usage

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror}; see --output")
        self.path = path


class TokenNotFound(CliError):
    """No bearer token has this id."""

    code = EXIT.not_found

    def __init__(self, id_: str, table: str) -> None:
        super().__init__(f"{table} has no token '{id_}': `lading tokens list` shows their ids")
        self.id, self.table = id_, table


class AwsRefused(CliError):
    """AWS, or its library, did not do what was asked."""

    code = EXIT.server

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what, self.reason = what, reason


class ServerError(CliError):
    """A running server did not answer as hoped."""

    code = EXIT.server

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url, self.reason = url, reason
