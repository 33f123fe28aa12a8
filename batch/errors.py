"""Errors of batches.

PackagingError
└── BatchError              a batch cannot be done, or ended
    ├── InputUnusable       the input cannot be read as rows of the model
    ├── OutputUnusable      the output cannot be written in this form, or is there already
    ├── BatchChanged        the input, the model or the options differ from those it began with
    ├── BatchRuns           another process works on the same output
    ├── WorkersDie          the processes that answer die
    ├── RowFailed           a row has no answer, and --strict is on
    └── S3Refused           S3 or its library returned an error

Each says which model, which value and what to do next, and has these facts as attributes.
"""

from pathlib import Path

from lading.model_packaging.errors import PackagingError


class BatchError(PackagingError):
    """Root of the tree; its text is one line for the person who runs a batch.

    Remedy: correct what the text names, and run it again; it goes on where it was.
    """


class InputUnusable(BatchError):
    """The input cannot be read as rows of the model.

    Remedy: correct the rows or the columns that the text names.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source, self.reason = source, reason


class OutputUnusable(BatchError):
    """The output cannot be written in this form, or is there already.

    Remedy: name another `--output`, or allow the old one to go with `--overwrite`.
    """

    def __init__(self, output: str, reason: str) -> None:
        super().__init__(f"{output}: {reason}")
        self.output, self.reason = output, reason


class BatchChanged(BatchError):
    """The input, the model or the options differ from those the batch began with.

    Remedy: run it with the same input, model and options, or begin again with `--overwrite`.
    """

    def __init__(self, work: Path, what: str, before: object, now: object) -> None:
        super().__init__(
            f"{work} has a batch that was interrupted, whose {what} was {before}; now it is {now}; "
            "run it as before, or begin again with --overwrite"
        )
        self.work, self.what, self.before, self.now = work, what, before, now


class BatchRuns(BatchError):
    """Another process works on the same output.

    Remedy: wait for the end of the other process.
    """

    def __init__(self, work: Path) -> None:
        super().__init__(f"{work}: another batch writes this output now; wait for its end")
        self.work = work


class WorkersDie(BatchError):
    """The processes that answer die, whatever the row.

    Remedy: give it more memory: fewer `--workers`, or a smaller `--group`.
    """

    def __init__(self, model: str, when: str) -> None:
        super().__init__(
            f"model '{model}': the process that answers dies {when}; it may lack memory: try "
            "fewer --workers, or a smaller --group"
        )
        self.model = model


class RowFailed(BatchError):
    """A row has no answer, and --strict is on.

    Remedy: correct the row, or leave out `--strict`: such rows then go to the file of errors.
    """

    def __init__(self, row: int, error: str, reason: str) -> None:
        super().__init__(
            f"row {row} has no answer: {error}, {reason.rstrip(chr(46))}; without --strict, such "
            "rows go to the file of errors"
        )
        self.row, self.error, self.reason = row, error, reason


class S3Refused(BatchError):
    """S3 or its library returned an error.

    Remedy: check the bucket's name, the credentials and their permissions.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} {reason}")
        self.address, self.reason = address, reason
