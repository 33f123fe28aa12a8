"""Errors of packaging that several rooms raise; the others stand beside what raises them.

PackagingError
├── ManifestError               models.yaml is invalid
│   ├── UnknownModel            a name that the manifest does not have
│   └── FileMissing             a file that the manifest names is missing
├── SourceError                 the trained model's file cannot be used
│   ├── FrameworkUnknown        no converter reads it
│   ├── FlavorUnknown           no converter reads a flavor that MLflow logged
│   ├── SourceUntrusted         loading it would run code
│   └── SourceUnreadable        it is truncated, damaged, or of another type
├── LibraryMissing              a library that reads the model is not installed
├── ConversionError             the model has no ONNX form that Lading can serve
│   └── ConversionMismatch      the ONNX form answers differently
│       └── RoundingMismatch    it does so after rows are rounded to the types of its inputs
├── QuantizationError           the model cannot be quantized
│   └── NothingToQuantize       it has no weights that a scheme stores in fewer bits
├── PruningError                nothing in the model can be pruned
└── DataUnusable                rows to run the model on do not fit it

measure.change                  AccuracyDropped, AccuracyUncertain
measure.peak_memory             MeasurementFailed
energy.published                EnergyUnusable
placement                       DoesNotFit, PricesUnusable
engines.images                  ImageUnknown
sources.tarball                 ArchiveRefused
remote.kind                     SourceUnfetched
lock.file                       LockError, CopyElsewhere
lock.labels                     NoEarlierVersion
native.original                 OriginalDied
signing.errors                  KeyUnusable, TrustUnusable, CryptographyMissing
store.errors                    StoreError, NumberTaken
stages                          UnexpectedFailure
inspected                       InspectionFailed
isolated                        PackagingProcessDied
packaging_limits                PackagingTimedOut, PackagingOutOfMemory, ConfinementMissing

Each says which model, which value and what to do next, and has these facts as attributes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


class PackagingError(Exception):
    """Root of the tree; its text is one line for the person who packages a model."""


@dataclass(frozen=True, slots=True)
class Place:
    """A value's position in the manifest: `models.yaml:7: models.digits.source`."""

    file: Path
    line: int
    key: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}"


def likely(word: str, known: Iterable[str]) -> str | None:
    """Return the member of `known` that `word` most likely means; None when none is similar."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _suggestion(guess: str | None) -> str:
    return f"; did you mean '{guess}'?" if guess else ""


class ManifestError(PackagingError):
    """models.yaml is invalid.

    Remedy: correct models.yaml at the line and key that the text names.

    Args:
        place: file, line and key of the value.
        reason: what is wrong with it.
        guess: the key or value that was probably intended.
    """

    def __init__(self, place: Place, reason: str, guess: str | None = None) -> None:
        super().__init__(f"{place}: {reason}{_suggestion(guess)}")
        self.file, self.line, self.key = place.file, place.line, place.key
        self.reason, self.guess = reason, guess


class UnknownModel(ManifestError):
    """The manifest has no model of this name.

    Remedy: use one of the names that the text lists, or add the model to models.yaml.
    """

    def __init__(self, place: Place, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        guess = likely(name, self.known)
        listed = "" if guess else f"; it has {', '.join(self.known) or 'none'}"
        super().__init__(place, f"there is no model '{name}'{listed}", guess)


class FileMissing(ManifestError):
    """A file that the manifest names is missing.

    Remedy: put the file there, or correct its path in models.yaml.
    """

    def __init__(self, place: Place, path: Path, advice: str) -> None:
        super().__init__(place, f"{path} is missing; {advice}")
        self.path, self.advice = path, advice


class SourceError(PackagingError):
    """The trained model's file cannot be used.

    Remedy: save the model again, and package the new file.
    """

    def __init__(self, model: str, path: Path, reason: str) -> None:
        super().__init__(f"model '{model}': {path} {reason}")
        self.model, self.path, self.reason = model, path, reason


class FrameworkUnknown(SourceError):
    """No converter reads this framework, or this type of file.

    Remedy: state `framework`, or export the model to ONNX.
    """

    def __init__(self, model: str, path: Path, framework: str | None, known: Iterable[str]) -> None:
        self.framework, self.known = framework, tuple(known)
        kinds = ", ".join(self.known)
        kind = "folder" if path.is_dir() else "file"
        what = f"is not a {kind} that '{framework}' reads" if framework else "has an unknown type"
        guess = _suggestion(likely(framework or "", (kind.split()[0] for kind in self.known)))
        super().__init__(model, path, f"{what}; supported: {kinds}{guess}")


class FlavorUnknown(SourceError):
    """No converter reads a flavor of a model that MLflow logged.

    Remedy: log the model with one of the flavors that the error names, such as `onnx`.
    """

    def __init__(
        self, model: str, path: Path, flavors: Iterable[str], known: Iterable[str]
    ) -> None:
        self.flavors, self.known = tuple(flavors), tuple(known)
        has = ", ".join(map(str, self.flavors)) or "none"
        reads = ", ".join(self.known)
        super().__init__(model, path, f"has the MLflow flavors {has}; Lading reads {reads}")


class SourceUntrusted(SourceError):
    """Loading the file would run code that is inside it.

    Remedy: set `trust: true` if you made the file, or trust who did; else save it as `.skops` or
    ONNX.
    """

    def __init__(
        self, model: str, path: Path, contents: Iterable[str], *, types: bool = False
    ) -> None:
        self.contents = tuple(contents)
        some = f", or to the list of these types: [{', '.join(self.contents)}]" if types else ""
        super().__init__(
            model,
            path,
            f"can run code when it is loaded ({', '.join(self.contents)}); if you made it yourself "
            f"or trust who did, set models.{model}.trust: true{some}",
        )


class SourceUnreadable(SourceError):
    """The file is truncated, damaged, or not of the type that its name indicates.

    Remedy: save the model again; check that the copy is complete.
    """


class LibraryMissing(PackagingError):
    """A library that reads the model is not installed; `extra` of pyproject.toml names it.

    Remedy: install the extra that the text names.
    """

    def __init__(self, model: str, library: str, extra: str) -> None:
        advice = f"install it with `make {extra}`, or pip install 'lading[{extra}]'"
        super().__init__(f"model '{model}' needs {library}, which is not installed; {advice}")
        self.model, self.library, self.extra = model, library, extra


class ConversionError(PackagingError):
    """The model has no ONNX form that Lading can serve.

    Remedy: change what the text names, or export the model to ONNX yourself and package that file.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}")
        self.model, self.reason = model, reason


class ConversionMismatch(ConversionError):
    """The converted model answers differently from the original.

    Remedy: declare inputs in their exact datatypes, or export the model to ONNX with another
    version.
    """

    def __init__(self, model: str, output: str, reason: str) -> None:
        super().__init__(
            model,
            f"answers differently after conversion: output '{output}' {reason}; nothing published",
        )
        self.output, self.reason = output, reason


class RoundingMismatch(ConversionMismatch):
    """The converted model answers differently after rows are rounded to the types of its inputs.

    `columns` are the inputs, or columns of them, whose values were rounded.

    Remedy: declare the columns that the text names as FP64 or INT64 under `inputs`.
    """

    def __init__(self, model: str, output: str, reason: str, columns: Iterable[str]) -> None:
        self.columns = tuple(columns)
        listed = ", ".join(self.columns[:5])
        advice = f"inputs were rounded: {listed}; declare them FP64 or INT64 under inputs:, or set "
        advice += "engine: native for a .skops file, or one of XGBoost, LightGBM or TFLite"
        super().__init__(model, output, f"{reason} ({advice})")


class QuantizationError(PackagingError):
    """The model cannot be quantized.

    Remedy: set `quantize: none`, or another scheme.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}; set models.{model}.quantize: none")
        self.model, self.reason = model, reason


class NothingToQuantize(QuantizationError):
    """The model has no weights that a scheme stores in fewer bits; packaging goes on without.

    Remedy: nothing needs to be done; `quantize: none` removes the note.
    """


class PruningError(PackagingError):
    """The model cannot be pruned.

    Remedy: remove `prune`.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}' {reason}; remove models.{model}.prune")
        self.model, self.reason = model, reason


class DataUnusable(PackagingError):
    """Rows for running the model do not fit it.

    Remedy: correct the file of rows as the text says: a column for each input, and the truth.
    """

    def __init__(self, model: str, data: str, reason: str, place: Place | None = None) -> None:
        where = str(place) if place else f"model '{model}'"
        super().__init__(f"{where}: {data} {reason}")
        self.model, self.data, self.reason, self.place = model, data, reason, place
