"""A class of the user's own, which is its model: only the service's operator lets it run.

The model's file is a zip of a folder: the class, what it loads, and its `requirements.txt`. The
class gets the unpacked folder, and answers batches:

    class Churn:
        def __init__(self, folder: Path) -> None: ...
        def predict(self, inputs: dict[str, ndarray]) -> dict[str, ndarray]: ...

Options:
    class: `module:Class` in that folder.

The modules of the folder belong to this model alone: they are not in `sys.modules` afterwards, so
two versions of a model, or two models with a `service.py`, do not get each other's. Hence a class
imports its own modules when it is imported or made, not in `predict`.
"""

import io
import os
import shutil
import sys
import weakref
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from threading import Lock, RLock
from typing import Any, Final

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.requirements import REQUIREMENTS, check_installed
from lading.functions.inference.processing.code import called, run_code
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array

Predict = Callable[[dict[str, Array]], Any]

CLASS: Final = "class"
"""The option with the class."""

_importing = RLock()
"""Held while a folder is on `sys.path`, which all threads share."""


def open_model(section: NativeSection, model: bytes, threads: int) -> "PythonModel":  # noqa: ARG001
    """Unpack the folder and make an instance of its class; this runs the user's code.

    Raises:
        SessionError: the zip is damaged or has no room on the disk, a requirement is not installed,
            or the class fails.
    """
    try:
        folder = Path(mkdtemp(prefix="lading-model-"))
    except OSError as error:
        reason = f"needs a folder for temporary files that it may write; set TMPDIR: {error}"
        raise SessionError(ValueError(reason)) from error
    try:
        _unpack(model, folder)
        predict = open_class(folder, str(section.options[CLASS]))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return PythonModel(section, predict, folder)


class PythonModel(Backend):
    """An instance of the user's class; one thread at a time calls it.

    Args:
        section: its inputs and outputs.
        predict: answers a batch.
        folder: its unpacked files, which are removed with this object.
    """

    def __init__(self, section: NativeSection, predict: Predict, folder: Path) -> None:
        self.inputs, self.outputs = section.inputs, section.outputs
        self._predict, self._turn = predict, Lock()
        weakref.finalize(self, _remove, folder, os.getpid())

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        with self._turn:
            answers = called(self._predict, dict(inputs))
        check_answers(answers, self.outputs)
        return {name: answers[name] for name in outputs or answers}


def open_class(folder: Path, class_path: str) -> Predict:
    """Return `predict` of a new instance of a class in a folder.

    Raises:
        SessionError: a requirement is not installed, or the class fails or has no `predict`.
    """
    text = folder / REQUIREMENTS
    try:
        check_installed(text.read_text(encoding="utf-8") if text.is_file() else "")
    except ValueError as error:
        raise SessionError(error) from error
    module, _, name = class_path.partition(":")

    def make() -> Predict:
        predict: Predict = getattr(import_module(module), name)(folder).predict
        return predict

    try:
        with _importable(folder):
            return run_code(make)
    except SessionError as error:
        raise SessionError(ValueError(f"cannot run its {class_path}: {error.__cause__!r}")) from (
            error.__cause__
        )


def check_answers(answers: Mapping[str, Any], specs: Sequence[TensorSpec]) -> None:
    """Compare what `predict` returned with the stated outputs.

    Raises:
        SessionError: it differs; the text names the output and says what to do.
    """
    for name in answers.keys() - {spec.name for spec in specs}:
        raise _wrong(str(name), "is not among its outputs; state it, or do not return it")
    for spec in specs:
        array = answers.get(spec.name)
        dtype = DTYPES[spec.datatype]
        if spec.name not in answers:
            raise _wrong(spec.name, "is missing from what predict returned")
        if not isinstance(array, np.ndarray):
            raise _wrong(spec.name, f"must be a numpy array, got a {type(array).__name__}")
        if array.dtype != dtype:
            stated = f"must be {spec.datatype} ({dtype}), got {array.dtype}"
            raise _wrong(spec.name, f"{stated}; convert it in predict, or state its datatype")
        if not _fits(array.shape, spec.shape):
            stated = f"must have the shape {list(spec.shape)}, got {list(array.shape)}"
            raise _wrong(spec.name, f"{stated} (-1 is any size)")
        if spec.datatype == BYTES:
            _check_texts(spec.name, array)


def _check_texts(name: str, array: Array) -> None:
    for value in array.flat:
        if not isinstance(value, bytes):
            kind = type(value).__name__
            raise _wrong(name, f"must hold bytes, got a {kind}; encode texts in predict")


def _fits(shape: tuple[int, ...], stated: tuple[int, ...]) -> bool:
    alike = zip(shape, stated, strict=False)
    return len(shape) == len(stated) and all(wanted in (-1, size) for size, wanted in alike)


def _wrong(output: str, reason: str) -> SessionError:
    return SessionError(ValueError(f"output '{output}' {reason}"))


def _unpack(model: bytes, folder: Path) -> None:
    """Unpack files that are stored as they are, so that none is larger than the archive.

    Raises:
        SessionError: it is no such zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            _check_stored(archive)
            for each in archive.infolist():
                target = folder / each.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(each))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise SessionError(ValueError(f"its zip cannot be unpacked: {error}")) from error


def _check_stored(archive: zipfile.ZipFile) -> None:
    for each in archive.infolist():
        if each.compress_type != zipfile.ZIP_STORED or _leads_out(each.filename):
            raise ValueError(f"'{each.filename}' is not a file as packaging stores it")


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or name.endswith("/")


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the code of a folder import its own modules, and nobody else afterwards."""
    place = str(folder.resolve())
    with _importing:
        aside = _taken_out(own := module_names(folder))
        sys.path.insert(0, place)
        invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(place)
            sys.path_importer_cache.pop(place, None)
            _taken_out(own)
            sys.modules.update(aside)


def module_names(folder: Path) -> frozenset[str]:
    """Return the names that modules and packages in a folder have when they are imported."""
    return frozenset(
        path.name.partition(".")[0]
        for path in folder.iterdir()
        if path.is_dir() or path.suffix in {".py", ".so"}
    )


def _taken_out(names: frozenset[str]) -> dict[str, Any]:
    """Remove these modules, and those below them, from the imported ones; return them."""
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}


def _remove(folder: Path, process: int) -> None:
    """Remove the files, unless this is a fork of the process that made them."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
