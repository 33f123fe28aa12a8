"""The result of a converter: the model to serve, its original, and how both are called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import (
    PREDICT_METHOD,
    SERVING_DEFAULT,
    NativeSection,
    TensorSpec,
)
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.processing.processed import ProcessedSession, Steps, make_step
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import (
    DTYPES,
    Array,
    as_datatype,
    check_signature,
)
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.answers import Answers
from lading.model_packaging.check.probes import Known, Probe, Request
from lading.model_packaging.errors import ConversionError, LibraryMissing
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.labels import labels_of

_OF_ROWS = 2
"""Axes of an output with a number of columns for each row."""

_KEPT = 2
"""The number of graphs to keep open: the converted model, and the one made from it."""

Open = Callable[[bytes], Backend]
"""Opens a graph, or a model that is not converted."""

Session = Backend
"""A loaded model, with its processing steps if it has some."""


def open_once(opener: Open = OnnxSession) -> Open:
    """Open each graph once: the stages run the same few graphs again and again."""
    return lru_cache(_KEPT)(opener)


def _answers_of_each() -> Callable[[bytes, str], Answers]:
    """Return a function that returns the answers of each graph with the steps around it."""

    def answers(_model: bytes, _steps: str) -> Answers:
        return Answers()

    return lru_cache(_KEPT)(answers)


@dataclass(frozen=True, slots=True)
class Processing:
    """Steps around a graph, and the signature for callers.

    `processing.processed` describes the form of `steps`; `files` are the files that they read, by
    name, which become part of the artifact.
    """

    steps: tuple[Mapping[str, Any], ...]
    files: Mapping[str, bytes]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of converting a trained model.

    `onnx` is the serialized ONNX model with its weights. `reference` is the original, called
    through the framework's public function: it accepts the same arrays, or wider ones according to
    `known`, returns arrays of the same names, dtypes and shapes, and raises ValueError for arrays
    that the original rejects. `examples` are inputs for comparing both, if the source or the
    manifest has some. With `processing`, `reference` and `examples` have the inputs of its steps.

    It is of one `signature`; `method` is its method name in TensorFlow Serving. `others` are the
    model's further signatures, `aliases` are further names, and `left_out` has the reason for each
    signature that is missing.

    By input name, `known` is the converter's knowledge of the values, and `domains` are the
    allowed values, where the served model would answer others differently. `probes` are further
    rows to compare. `classes` has, by output, the class of each column. `open` opens the graph,
    and graphs made from it; `answers` keeps what they answered.

    With `native` the model is not converted: `onnx` is the content of its own file.
    """

    onnx: bytes
    reference: Model
    examples: Mapping[str, Array] | None = None
    processing: Processing | None = None
    signature: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD
    others: tuple["Conversion", ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
    domains: Mapping[str, Domain] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    native: NativeSection | None = None
    open: Open = field(default_factory=open_once, compare=False, repr=False)
    answers: Callable[[bytes, str], Answers] = field(
        default_factory=_answers_of_each, compare=False, repr=False
    )

    @property
    def named(self) -> Mapping[str, tuple[str, ...]]:
        """By output, the names of columns: `classes`, and those that a step takes labels from."""
        if self.processing is None:
            return self.classes
        rows = {each.name for each in self.processing.outputs if len(each.shape) == _OF_ROWS}
        labels = labels_of(self.processing.steps)
        return {**self.classes, **{name: labels[name] for name in rows & labels.keys()}}

    @property
    def opener(self) -> Open:
        """What opens the model each time anew, to measure that."""
        return OnnxSession if self.native is None else partial(load, self.native)

    def session(self, model: bytes) -> Session:
        """Load this conversion's ONNX model, or an optimized one, as it is served.

        Raises:
            SessionError: onnxruntime cannot load it.
            ValueError: an input or output is not a tensor, or a step lacks its library.
        """
        session, processing = self.open(model), self.processing
        if processing is None:
            return session
        steps = [make_step(options, processing.files) for options in processing.steps]
        around = Steps(steps, session.inputs, processing.outputs)
        return ProcessedSession(session, around, processing.inputs, processing.outputs)

    def processed(self) -> ProcessedSession | None:
        """Load the model with its processing steps; None if it has none."""
        session = self.session(self.onnx)
        return session if isinstance(session, ProcessedSession) else None

    def feeds(self, request: dict[str, Array]) -> dict[str, Array]:
        """Return the graph's inputs for a request: itself, or the result of the steps."""
        processed = self.processed()
        return processed.feeds(request) if processed else request


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A loaded model of a conversion as callers use it; rows may have the original's types.

    Args:
        session: the loaded model.
        domains: the allowed values of each input, if they are fewer than those of its datatype.
        answers: what it has answered so far.
    """

    session: Session
    domains: Mapping[str, Domain] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers, compare=False, repr=False)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The signature, with the inputs' domains."""
        return tuple(
            spec._replace(domain=self.domains.get(spec.name)) for spec in self.session.inputs
        )

    def run(self, inputs: Request, outputs: Sequence[str] = ()) -> Request:
        """Answer rows as the service does.

        Raises:
            InvalidInput: they do not fit the signature.
            SessionError: onnxruntime failed.
        """
        sent = self.narrow(inputs)
        check_signature(sent, self.inputs)
        self.session.check_axes(sent)
        if outputs:
            return self.session.run(sent, outputs)
        return self.answers.of(self.session.run, sent)

    def narrow(self, inputs: Request) -> Request:
        """Convert rows to the types that callers send."""
        specs = {spec.name: spec for spec in self.session.inputs}
        return {
            name: _narrowed(array, specs[name].datatype) if name in specs else array
            for name, array in inputs.items()
        }


def _narrowed(array: Array, datatype: str) -> Array:
    dtype = DTYPES[datatype]
    if array.dtype == dtype or array.dtype.kind not in "fiu" or dtype.kind not in "fiu":
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        return as_datatype(array.astype(dtype), datatype)


def around(step: Step, model: Model) -> Model:
    """Return the model as it is called through a step."""

    def processed(inputs: dict[str, Array]) -> dict[str, Array]:
        return step.after(model(step.before(inputs)))

    return processed


def open_served(name: str, conversion: Conversion, model: bytes) -> "ConvertedModel":
    """Load a conversion's ONNX model, or an optimized one, as callers use it.

    Raises:
        ConversionError: the model of this name cannot be served.
    """
    session = open_session(name, conversion, model)
    answers = conversion.answers(model, _digest_of(conversion.processing))
    return ConvertedModel(session, conversion.domains, answers)


def _digest_of(processing: Processing | None) -> str:
    """Return a digest of the steps and of the files that they read; empty without steps."""
    if processing is None:
        return ""
    state = blake2b(repr(processing.steps).encode(), digest_size=16)
    for name, content in sorted(processing.files.items()):
        state.update(f"\0{name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def open_session(name: str, conversion: Conversion, model: bytes) -> Session:
    """Load a conversion's ONNX model, or an optimized one, as it is served.

    Raises:
        ConversionError: the model of this name cannot be served.
    """
    try:
        return conversion.session(model)
    except (SessionError, ValueError) as error:
        raise ConversionError(name, f"cannot be served: {error}") from error


def source_alone(spec: ModelSpec) -> tuple[Path, ...]:
    """Return the source as the model's only file."""
    return (spec.source,)


@dataclass(frozen=True, slots=True)
class Converter:
    """One framework; importing its module is cheap: the framework is imported when first used.

    Args:
        framework: its name in the manifest.
        convert: converts the model in `spec.source`, and runs none of its code unless
            `spec.trusts_all`. Raises SourceError for a file that is damaged, of another kind or not
            trusted, and ConversionError for a model without an ONNX form that can be served.
        tools: returns the versions of the libraries that the outcome depends on, by name. Raises
            LibraryMissing if one is not installed; see `tool_versions`.
        suffixes: lower-case suffixes of the files that it reads; empty if it reads only folders.
        contents: patterns of files; a folder that holds one of them belongs to the framework.
        keys: the keys of `ModelSpec.original` that have an effect.
        files: returns all files of the model, its source first. Raises SourceError.
    """

    framework: str
    convert: Callable[[ModelSpec], Conversion]
    tools: Callable[[ModelSpec], dict[str, str]]
    suffixes: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    files: Callable[[ModelSpec], tuple[Path, ...]] = source_alone


def tool_versions(spec: ModelSpec, extra: str, *libraries: str) -> dict[str, str]:
    """Return the version of each library, by name.

    Args:
        spec: the model that needs them.
        extra: the extra in pyproject.toml that names them, which is also a target of make.
        libraries: names of distributions; `a|b` is one that has two names.

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
    """Return texts as the service represents them: an object array of UTF-8 `bytes`."""
    contents: Array = np.empty(texts.size, np.object_)
    contents[:] = [str(text).encode() for text in texts.flat]
    return contents.reshape(texts.shape)
