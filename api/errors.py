"""Errors of the Python API; the other rooms' errors pass through it unchanged.

LadingError
├── NothingLocked           the lock has no such model, version or label
├── NotServable             models of a lock cannot be served together on this machine
├── EngineNeeded            the model runs in an engine, not in this process
├── NotPackageable          an object is not a model that can be saved, or lacks something
└── SubjectError            something named is wrong
    ├── InputUnreadable     an input cannot be read, or does not fit the model
    ├── AwsRefused          AWS or its library returned an error
    └── ServerError         a server cannot be reached, or its answer is wrong
        └── ErrorAnswer     a server answered with an error
"""

from pathlib import Path


class LadingError(Exception):
    """Root of the tree; its text is one line for the person who calls."""


class NothingLocked(LadingError):
    """The lock has no such model, version or label.

    Remedy: list what the lock has with `lading versions`; add to it with `lading package`.
    """

    def __init__(self, lock: Path, what: str) -> None:
        advice = "run `lading versions` to list what it has, `lading package` to add to it"
        if not lock.exists():
            advice = "the file does not exist yet; run `lading package` to create it"
        super().__init__(f"{lock} has no {what}; {advice}")


class NotServable(LadingError):
    """Models of a lock cannot be served together on this machine.

    Remedy: serve fewer models together, as `lading serve NAME`, or install what the text names.
    """


class EngineNeeded(LadingError):
    """The model runs in an engine, not in this process.

    Remedy: start the engine with `lading serve NAME`, and call it by its URL.
    """

    def __init__(self, model: str, engine: str) -> None:
        super().__init__(
            f"model '{model}' runs in {engine}, not in this process; start it with "
            f"`lading serve {model}`, then call it with --url, or lading.Client"
        )
        self.model, self.engine = model, engine


class NotPackageable(LadingError):
    """An object is not a model that can be saved, or something is missing to package it.

    Remedy: pass what the text names, or save the model to a file and package that file.
    """


_NO_REGION = "You must specify a region"
"""How AWS's library says that nobody has named one."""


class SubjectError(LadingError):
    """Something named, such as a file or a server, is wrong.

    Remedy: correct what the text names first.
    """

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")


class InputUnreadable(SubjectError):
    """An input cannot be read, or does not fit the model.

    Remedy: compare the input with the signature, which `GET /models/NAME` shows.
    """


class AwsRefused(SubjectError):
    """AWS or its library returned an error.

    Remedy: check credentials, region and permissions; `lading doctor` tries them.
    """

    def __init__(self, subject: str, reason: str) -> None:
        advice = (
            "; set AWS_DEFAULT_REGION, or regions in stages.yaml" if _NO_REGION in reason else ""
        )
        super().__init__(subject, f"{reason}{advice}")


class ServerError(SubjectError):
    """A server cannot be reached, or its answer is wrong.

    Remedy: look at the server's log; `lading logs NAME` has that of a deployed model.
    """


class ErrorAnswer(ServerError):
    """A server answered with an error.

    Remedy: correct the request as the answer says; at a status of 500 or more, read the server's
    log.

    Args:
        url: the address.
        status: the HTTP status.
        reason: the text of the service or of the gateway.
    """

    def __init__(self, url: str, status: int, reason: str) -> None:
        super().__init__(url, f"{status} {reason}")
        self.url, self.status, self.reason = url, status, reason
