"""What can go wrong between a trained model and its published version.

PackagingError
├── ManifestError               models.yaml says something impossible
│   ├── UnknownModel            a name that it does not have
│   └── FileMissing             a file that it names is not there
├── SourceError                 the trained model's file
│   ├── FrameworkUnknown        no converter takes it
│   ├── SourceUntrusted         loading it would run code
│   └── SourceUnreadable        truncated, damaged, or of another kind
├── LibraryMissing              a library that reads it is not installed
├── ConversionError             the framework's model has no ONNX form that we serve
│   └── ConversionMismatch      it has one, which answers differently
│       └── RoundingMismatch    it does so once the rows are rounded to what callers send
├── QuantizationError           nothing in the model can be quantized
├── PruningError                nothing in the model can be pruned
├── DataUnusable                rows to run the model on do not fit it
├── AccuracyDropped             the gate refuses the optimized model
│   └── AccuracyUncertain       too few rows to tell what it lost
├── MeasurementFailed           a process that measures a model was killed or failed
├── UnexpectedFailure           a library raised an error that Lading does not know
├── PackagingProcessDied        the process that converts and checks a model ended
├── DoesNotFit                  the model is too large, or too slow, for its target
├── PricesUnusable              a file of prices cannot be read
├── ImageUnknown                no container image is known for an engine in a region
├── ArchiveRefused              a model.tar.gz that must not be unpacked
├── LockError                   models.lock.json cannot be read or written
│   └── CopyElsewhere           what it names is in S3 and not on this machine
├── NumberTaken                 the number that a source brings along is not above all published
└── StoreError                  a version cannot be read or published

Each says which model, which value and what to do next, and carries those facts as attributes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_LONGEST_REASON = 300


class PackagingError(Exception):
    """Root of the tree; its text is one line for the person who packages."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the manifest a value stands: `models.yaml:7: models.digits.source`."""

    file: Path
    line: int
    key: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}"


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure lies with 95 % confidence."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.4f} to {self.high:.4f}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a metric before and after optimizing, and of its drop."""

    before: Interval
    after: Interval
    drop: Interval


@dataclass(frozen=True, slots=True)
class Missing:
    """The metric on the held-out rows with missing values; None where it is not defined."""

    rows: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class AccuracyChange:
    """What optimizing did to a model: its metric on the held-out rows, before and after.

    `drop` is how much worse it became, whichever way the metric points; negative is better. What
    was published before there were intervals has none. It was not `judged` where nothing that may
    lose accuracy was done. `missing` is of the rows with missing values, if there are some.
    """

    metric: str
    before: float
    after: float
    drop: float
    max_drop: float
    rows: int = 0
    intervals: Intervals | None = None
    judged: bool = True
    missing: Missing | None = None

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json, without what goes without saying."""
        document = asdict(self)
        if self.judged:
            del document["judged"]
        if self.missing is None:
            del document["missing"]
        return document

    def __str__(self) -> str:
        moved = f"{self.metric} went from {self.before:.4f} to {self.after:.4f}"
        between = f" ({self.intervals.drop})" if self.intervals else ""
        return f"{moved}, a drop of {self.drop:.4f}{between}"


def likely(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` was probably meant to be."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _suggestion(guess: str | None) -> str:
    return f"; did you mean '{guess}'?" if guess else ""


class ManifestError(PackagingError):
    """models.yaml says something impossible.

    Args:
        place: file, line and key of the value.
        reason: what is wrong with it.
        guess: the key or value that was probably meant.
    """

    def __init__(self, place: Place, reason: str, guess: str | None = None) -> None:
        super().__init__(f"{place}: {reason}{_suggestion(guess)}")
        self.file, self.line, self.key = place.file, place.line, place.key
        self.reason, self.guess = reason, guess


class UnknownModel(ManifestError):
    """A name that the manifest does not have."""

    def __init__(self, place: Place, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        guess = likely(name, self.known)
        listed = "" if guess else f"; it has {', '.join(self.known) or 'none'}"
        super().__init__(place, f"there is no model '{name}'{listed}", guess)


class FileMissing(ManifestError):
    """A file that the manifest names is not there."""

    def __init__(self, place: Place, path: Path, advice: str) -> None:
        super().__init__(place, f"{path} is missing; {advice}")
        self.path, self.advice = path, advice


class SourceError(PackagingError):
    """The trained model's file cannot be used."""

    def __init__(self, model: str, path: Path, reason: str) -> None:
        super().__init__(f"model '{model}': {path} {reason}")
        self.model, self.path, self.reason = model, path, reason


class FrameworkUnknown(SourceError):
    """No converter takes this framework, or this kind of file."""

    def __init__(self, model: str, path: Path, framework: str | None, known: Iterable[str]) -> None:
        self.framework, self.known = framework, tuple(known)
        kinds = ", ".join(self.known)
        kind = "folder" if path.is_dir() else "file"
        asked = f"is not a {kind} that '{framework}' reads" if framework else "has an unknown type"
        guess = _suggestion(likely(framework or "", (kind.split()[0] for kind in self.known)))
        super().__init__(model, path, f"{asked}; supported: {kinds}{guess}")


class SourceUntrusted(SourceError):
    """Loading the file would run code that it brings along."""

    def __init__(self, model: str, path: Path, contents: Iterable[str]) -> None:
        self.contents = tuple(contents)
        super().__init__(
            model,
            path,
            f"can run code when it is loaded ({', '.join(self.contents)}); if you made it yourself "
            f"or trust who did, set models.{model}.trust: true",
        )


class SourceUnreadable(SourceError):
    """The file is truncated, damaged, or of another kind than its name says."""


class LibraryMissing(PackagingError):
    """A library that reads the model is not installed; `extra` is the set that brings it."""

    def __init__(self, model: str, library: str, extra: str) -> None:
        advice = f"install it with: make {extra}"
        super().__init__(f"model '{model}' needs {library}, which is not installed; {advice}")
        self.model, self.library, self.extra = model, library, extra


class ConversionError(PackagingError):
    """The model has no ONNX form that Lading can serve."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}")
        self.model, self.reason = model, reason


class ConversionMismatch(ConversionError):
    """The converted model answers differently from the original."""

    def __init__(self, model: str, output: str, reason: str) -> None:
        super().__init__(
            model,
            f"is not the same after conversion: output '{output}' {reason}; nothing published",
        )
        self.output, self.reason = output, reason


class RoundingMismatch(ConversionMismatch):
    """The converted model answers differently once rows are rounded to the types of its inputs.

    `columns` are the inputs, or columns of them, whose values were rounded.
    """

    def __init__(self, model: str, output: str, reason: str, columns: Iterable[str]) -> None:
        self.columns = tuple(columns)
        listed = ", ".join(self.columns[:5])
        advice = f"rounded for callers: {listed}; declare them FP64 or INT64 under inputs:"
        super().__init__(model, output, f"{reason} ({advice})")


class QuantizationError(PackagingError):
    """The model cannot be quantized."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}; set models.{model}.quantize: none")
        self.model, self.reason = model, reason


class PruningError(PackagingError):
    """The model cannot be pruned."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}; take models.{model}.prune out")
        self.model, self.reason = model, reason


class DataUnusable(PackagingError):
    """Rows to run the model on do not fit it."""

    def __init__(self, model: str, data: str, reason: str, place: Place | None = None) -> None:
        where = str(place) if place else f"model '{model}'"
        super().__init__(f"{where}: {data} {reason}")
        self.model, self.data, self.reason, self.place = model, data, reason, place


class AccuracyDropped(PackagingError):
    """The accuracy gate refuses the optimized model; nothing is published."""

    _over = "over"

    def __init__(self, model: str, change: AccuracyChange, advice: str = "") -> None:
        super().__init__(
            f"model '{model}' is not published: {change}, {self._over} the "
            f"{change.max_drop:g} that models.{model}.accuracy.max_drop allows; "
            + (advice or f"optimize less (models.{model}.quantize, .prune), or allow more")
        )
        self.model, self.metric = model, change.metric
        self.before, self.after = change.before, change.after
        self.drop, self.max_drop = change.drop, change.max_drop


class AccuracyUncertain(AccuracyDropped):
    """Too few rows to tell that the optimized model lost no more than is allowed.

    `needed` is how many are needed to say anything at all; 0 when there are that many.
    """

    _over = "perhaps over"

    def __init__(self, model: str, change: AccuracyChange, needed: int = 0) -> None:
        more = f"at least {needed}" if needed else "more"
        few = f"{change.rows} rows are too few to tell that it is not; hold out {more}"
        super().__init__(model, change, f"{few}, or allow more")
        self.rows, self.needed = change.rows, needed


class MeasurementFailed(PackagingError):
    """A process that measures a model was killed or failed."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"model '{model}' could not be measured: {reason}; package it on a machine with more "
            "memory, or with less to do"
        )
        self.model, self.reason = model, reason


class UnexpectedFailure(PackagingError):
    """A library raised an error that Lading does not know; `details` has the traceback."""

    def __init__(
        self, model: str, stage: str, error: Exception, tools: Mapping[str, str], details: Path
    ) -> None:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        made = ", ".join(f"{name} {version}" for name, version in tools.items())
        super().__init__(
            f"model '{model}' failed in stage '{stage}' with {type(error).__name__}: {reason} "
            f"({made or 'no framework'}); {details} has the traceback; try another version of the "
            "framework, or export the model to ONNX and package that file"
        )
        self.model, self.stage, self.details = model, stage, details


class PackagingProcessDied(PackagingError):
    """The process that converts and checks a model ended without a result."""

    def __init__(self, model: str, stage: str, ending: str, details: Path) -> None:
        super().__init__(
            f"model '{model}': the process that packages it died in stage '{stage}': {ending}; "
            f"{details} has what it printed; look for a damaged file, too little memory, or a "
            "faulty version of the framework"
        )
        self.model, self.stage, self.ending, self.details = model, stage, ending, details


class DoesNotFit(PackagingError):
    """The model is too large, or too slow, for its target; nothing is published."""

    def __init__(self, model: str, target: str, reason: str, advice: str) -> None:
        super().__init__(f"model '{model}' does not fit {target}: {reason}; {advice}")
        self.model, self.target, self.reason, self.advice = model, target, reason, advice


class PricesUnusable(PackagingError):
    """A file of prices cannot be read, or says something impossible."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}; take model_packaging/placement/prices.yaml as the example"
        )
        self.path, self.reason = path, reason


class ImageUnknown(PackagingError):
    """No container image is known for an engine in a region."""

    def __init__(self, model: str, engine: str, region: str, reason: str) -> None:
        super().__init__(
            f"model '{model}': no image of {engine} for {region}: {reason}, "
            f"or give models.{model}.engine.image"
        )
        self.model, self.engine, self.region, self.reason = model, engine, region, reason


class ArchiveRefused(PackagingError):
    """A model.tar.gz is damaged, or holds what must not be unpacked."""

    def __init__(self, archive: Path, reason: str) -> None:
        super().__init__(f"{archive} {reason}; use nothing of it, and package the model again")
        self.archive, self.reason = archive, reason


class LockError(PackagingError):
    """models.lock.json cannot be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


class CopyElsewhere(LockError):
    """The version is not on this machine, and lies in S3."""

    def __init__(self, path: Path, model: str, version: int, place: str) -> None:
        reason = f"has version {version} of model '{model}' only at {place}; bring it here with "
        super().__init__(path, f"{reason}`lading pull {model}`")
        self.model, self.version, self.place = model, version, place


class NumberTaken(PackagingError):
    """A version number that a source brings along is not above all that are published."""

    def __init__(self, model: str, number: int, newest: int) -> None:
        published = f"version {newest} is published" if newest else "versions begin at 1"
        super().__init__(
            f"model '{model}': the highest version in its source folder is {number}, but "
            f"{published}; rename the folder {number} to a higher number, or name that folder "
            "itself as source: it is then published under the next number"
        )
        self.model, self.number, self.newest = model, number, newest


class StoreError(PackagingError):
    """A version cannot be read from the store or published to it.

    Args:
        model: whose version; None when it is about the whole store.
        place: the folder or the address.
        reason: what is wrong with it, and what to do.
    """

    def __init__(self, model: str | None, place: Path | str, reason: str) -> None:
        super().__init__(f"model '{model}': {place} {reason}" if model else f"{place} {reason}")
        self.model, self.place, self.reason = model, str(place), reason
