"""From a framework's model to ONNX: what a converter gives, and the check of what it gave."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from functions.inference.artifact import PREDICT_METHOD, SERVING_DEFAULT, TensorSpec
from functions.inference.predictor import SessionError
from functions.inference.processing.processed import ProcessedSession, Step, make_step
from functions.inference.session import OnnxSession
from functions.inference.tensors import Array
from model_packaging.errors import ConversionError, ConversionMismatch, LibraryMissing
from model_packaging.manifest import ModelSpec

Model = Callable[[dict[str, Array]], dict[str, Array]]
"""A model to call: an array per input, an array per output, both by name."""

RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-4
STRAY_ROWS = 0.01
"""Share of rows that may differ: float32 may tip a row that lies on a tree's threshold."""


Session = OnnxSession | ProcessedSession
"""A loaded model, with its processing steps if it has some."""


@dataclass(frozen=True, slots=True)
class Processing:
    """Steps around a graph, and the signature that callers see of it.

    `steps` are as `functions.inference.processing.processed` describes; `files` are what they read,
    by name, and become part of the artifact.
    """

    steps: tuple[Mapping[str, Any], ...]
    files: Mapping[str, bytes]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a converter makes of a trained model.

    `onnx` is the serialised ONNX model with its weights inside. `reference` is the original: it
    takes the same arrays, gives arrays of the same names, dtypes and shapes, and raises ValueError
    for arrays that the original does not take. `examples` are inputs to compare both on, when the
    source or the manifest has some. Where there is `processing`, `reference` and
    `examples` are in its terms. It is of one `signature`, whose `method` TensorFlow Serving names;
    `others` are the model's further signatures, `aliases` further names of these.
    """

    onnx: bytes
    reference: Model
    examples: Mapping[str, Array] | None = None
    processing: Processing | None = None
    signature: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD
    others: tuple["Conversion", ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def session(self, model: bytes) -> Session:
        """This conversion's ONNX model, or an optimised one, as it is served.

        Raises:
            SessionError: onnxruntime does not read it.
            ValueError: it has other than plain tensors, or a step lacks its library.
        """
        session, processing = OnnxSession(model), self.processing
        if processing is None:
            return session
        steps = [make_step(options, processing.files) for options in processing.steps]
        return ProcessedSession(session, steps, processing.inputs, processing.outputs)

    def processed(self) -> ProcessedSession | None:
        """The model behind its processing steps, if it has some."""
        session = self.session(self.onnx)
        return session if isinstance(session, ProcessedSession) else None

    def feeds(self, request: dict[str, Array]) -> dict[str, Array]:
        """What the graph gets of a request: the request itself, or what the steps make of it."""
        processed = self.processed()
        return processed.feeds(request) if processed else request


def around(step: Step, model: Model) -> Model:
    """The model as it is called through a step."""

    def processed(inputs: dict[str, Array]) -> dict[str, Array]:
        return step.after(model(step.before(inputs)))

    return processed


def open_session(name: str, conversion: Conversion, model: bytes) -> Session:
    """A conversion's ONNX model, or an optimised one, as it is served.

    Raises:
        ConversionError: the model of this name cannot be served so.
    """
    try:
        return conversion.session(model)
    except (SessionError, ValueError) as error:
        raise ConversionError(name, f"cannot be served: {error}") from error


class Converter(Protocol):
    """One framework; importing its module is cheap, the framework is imported when first used."""

    framework: str
    suffixes: tuple[str, ...]
    """Of files that it takes, lower-case; empty where it takes folders alone."""
    contents: tuple[str, ...]
    """Patterns of files in folders that it takes: one of them tells the framework."""
    keys: tuple[str, ...]
    """What it honours of `original.Original`, by the manifest's keys."""

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """All files that make up the model, its source first.

        Raises:
            SourceError: it cannot be told.
        """

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """Versions of the libraries that the outcome depends on, by name; see `tool_versions`.

        Raises:
            LibraryMissing: one is not installed.
        """

    def convert(self, spec: ModelSpec) -> Conversion:
        """Convert the trained model in `spec.source`; nothing of it runs unless `spec.trust`.

        Raises:
            SourceError: the file is damaged, of another kind, or not trusted.
            ConversionError: the model has no ONNX form that is served.
        """


def tool_versions(spec: ModelSpec, extra: str, *libraries: str) -> dict[str, str]:
    """Version of each library, by name.

    Args:
        spec: the model that needs them.
        extra: the set of requirements that brings them: `requirements/<extra>.txt`.
        libraries: names of distributions; `a|b` is one that goes by two names.

    Raises:
        LibraryMissing: one is not installed.
    """
    return {
        library.partition("|")[0]: _version(spec, extra, library.split("|"))
        for library in libraries
    }


def _version(spec: ModelSpec, extra: str, names: list[str]) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise LibraryMissing(spec.name, names[0], extra)


def as_bytes(texts: Array) -> Array:
    """Texts as the service carries them: an object array of UTF-8 `bytes`, of the same shape."""
    contents: Array = np.empty(texts.size, np.object_)
    contents[:] = [str(text).encode() for text in texts.flat]
    return contents.reshape(texts.shape)


def check_conversion(
    name: str, requests: Iterable[dict[str, Array]], reference: Model, converted: Model
) -> int:
    """Compare the converted model with the original, and return how many rows were compared.

    Names, dtypes and shapes must agree; so must values, floats within `RELATIVE_TOLERANCE` of the
    original's and `ABSOLUTE_TOLERANCE`, in all but `STRAY_ROWS` of the rows.

    Raises:
        ConversionMismatch: the first output that differs, and how.
    """
    rows, strays, worst = 0, dict[str, int](), dict[str, float]()
    for request in requests:
        wanted, found = reference(dict(request)), converted(dict(request))
        _check_names(name, wanted, found)
        for output, original in wanted.items():
            wrong = _wrong_rows(name, output, original, found[output])
            strays[output] = strays.get(output, 0) + int(wrong.sum())
            apart = _distance(original, found[output])
            worst[output] = max(worst.get(output, 0.0), apart)
        rows += len(wrong)
    for output, count in strays.items():
        if count > STRAY_ROWS * rows:
            raise ConversionMismatch(
                name,
                output,
                f"differs in {count} of {rows} rows, by up to {worst[output]:.3g} "
                f"(allowed: {ABSOLUTE_TOLERANCE:g} + {RELATIVE_TOLERANCE:g} of the value)",
            )
    return rows


def _check_names(name: str, wanted: Mapping[str, Array], found: Mapping[str, Array]) -> None:
    for output in {**wanted, **found}:
        if output not in found or output not in wanted:
            side = "converted" if output not in found else "original"
            raise ConversionMismatch(name, output, f"is not in the {side} model")


def _wrong_rows(name: str, output: str, original: Array, converted: Array) -> Array:
    """Whether each row differs: booleans of shape [rows]."""
    for what in ("dtype", "shape"):
        want, have = getattr(original, what), getattr(converted, what)
        if want != have:
            raise ConversionMismatch(name, output, f"has {what} {have}, the original {want}")
    if original.dtype.kind == "f":
        same = np.isclose(
            converted, original, RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE, equal_nan=True
        )
    else:
        same = converted == original
    rows = len(original) if original.ndim else 1
    wrong: Array = np.logical_not(np.asarray(same).reshape(rows, -1).all(axis=1, keepdims=True))
    return wrong[:, 0]


def _distance(original: Array, converted: Array) -> float:
    if original.dtype.kind != "f" or not original.size:
        return 0.0
    apart = np.abs(converted.astype(np.float64) - original)
    return float(apart.max(initial=0.0, where=~np.isnan(apart)))
