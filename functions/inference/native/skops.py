"""An estimator in a .skops file, run by scikit-learn itself: the only such module of the service.

A .skops file has no pickle: JSON, and arrays that numpy reads with `allow_pickle=False`. skops
makes objects of the types that it trusts, and of those that `trusted` lists: here only classes of
scikit-learn, scipy and numpy, so that no code comes with the file.

Options:
    trusted: the types that the file may have beside those that skops trusts.
    versions: distribution -> the version with which it was packaged.
    calls: output -> [the public method that computes it, the part of a list; null: all of it].
    columns: the training columns in their order: [input, place in it]; null: a list of texts.
    missing: for each column, what the empty text stands for: "text", "none" or "nan".
    names: the names of the columns in a frame of pandas; null: the estimator gets an array.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from threading import Lock
from typing import Any, Final

import numpy as np
import threadpoolctl
from joblib import parallel_config
from skops.io import get_untrusted_types, loads

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.processing.code import run_code
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array

METHODS: Final = ("predict", "predict_proba", "transform")
"""The calls that an artifact may ask for."""
MISSING: Final[Mapping[str, Any]] = {"text": "", "none": None, "nan": math.nan}
VERSIONS: Final = ("scikit-learn", "skops")
"""scikit-learn does not promise that a fitted estimator survives another version."""

_ROOTS = ("numpy", "scipy", "sklearn")
_FUNCTIONS = frozenset({"scipy._lib.array_api_compat.numpy._aliases.asarray"})
"""Functions that fitted estimators refer to: a spline of scipy to how it makes arrays."""


def open_model(section: NativeSection, model: bytes, threads: int) -> "SkopsModel":
    """Load an estimator from the content of a .skops file.

    Raises:
        SessionError: it cannot be loaded, was packaged with other versions, or has a type that
            neither skops nor the artifact trusts; the text names it.
    """
    trusted = list(section.options["trusted"])
    try:
        check_versions(section.options["versions"])
        check_types(trusted)
    except ValueError as error:
        raise SessionError(error) from error
    _check_listed(model, trusted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of the libraries among each other
        estimator = run_code(lambda: loads(model, trusted=trusted))
    return SkopsModel(section, estimator, threads)


def _check_listed(model: bytes, trusted: Sequence[str]) -> None:
    unlisted = set(run_code(lambda: get_untrusted_types(data=model))) - set(trusted)
    if unlisted:
        listed = ", ".join(sorted(unlisted))
        reason = f"its file has types that the artifact does not trust: {listed}"
        raise SessionError(ValueError(reason))


def check_versions(wanted: Mapping[str, str]) -> None:
    """Compare the versions that packaged an estimator with those here.

    Raises:
        ValueError: one differs; the text has both, and what to do.
    """
    for name in VERSIONS:
        here = version(name)
        if wanted[name] != here:
            raise ValueError(
                f"it was packaged with {name} {wanted[name]}, and {name} {here} is installed here; "
                f"install {name}=={wanted[name]}, or train and package it again with {here}"
            )


def check_types(trusted: Sequence[str]) -> None:
    """Check that the listed types are classes of scikit-learn, scipy or numpy.

    Raises:
        ValueError: one is another type, or a function, which could run code.
    """
    for name in sorted(set(trusted) - _FUNCTIONS):
        module, _, kind = name.rpartition(".")
        if module.partition(".")[0] not in _ROOTS or not _is_class(module, kind):
            raise ValueError(
                f"'{name}' is not a class of scikit-learn, scipy or numpy, which alone can be "
                "served from a .skops file; engine: python runs classes of your own"
            )


def _is_class(module: str, kind: str) -> bool:
    try:
        return isinstance(getattr(import_module(module), kind, None), type)
    except ImportError:
        return False


class SkopsModel(Backend):
    """A loaded estimator; one thread at a time calls it.

    Args:
        section: its options, inputs and outputs.
        estimator: the fitted estimator.
        threads: threads inside one prediction.
    """

    def __init__(self, section: NativeSection, estimator: Any, threads: int) -> None:
        options = section.options
        self.inputs, self.outputs = section.inputs, section.outputs
        self._calls = {name: (str(call), part) for name, (call, part) in options["calls"].items()}
        if not {call for call, _ in self._calls.values()} <= set(METHODS):
            raise SessionError(ValueError(f"its calls must be among {', '.join(METHODS)}"))
        self._columns, self._names = options["columns"], options["names"]
        self._missing = [MISSING[word] for word in options["missing"]]
        self._estimator, self._threads, self._turn = estimator, threads, Lock()
        self._pools = threadpoolctl.ThreadpoolController()
        if self._names is not None:
            import_module("pandas")

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        wanted = [spec for spec in self.outputs if spec.name in outputs or not outputs]
        with (
            self._turn,
            self._pools.limit(limits=self._threads),
            parallel_config(backend="sequential"),  # whatever n_jobs says
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # unknown categories, and rows without names
            return run_code(lambda: self._answers(self._rows(inputs), wanted))

    def _answers(self, rows: Any, wanted: Sequence[TensorSpec]) -> dict[str, Array]:
        methods = {self._calls[spec.name][0] for spec in wanted}
        found = {method: getattr(self._estimator, method)(rows) for method in sorted(methods)}
        answers = {}
        for spec in wanted:
            method, part = self._calls[spec.name]
            answer = found[method] if part is None else found[method][part]
            answers[spec.name] = _as_stated(answer, spec)
        return answers

    def _rows(self, inputs: Mapping[str, Array]) -> Any:
        """Return the rows as the estimator was fitted on them."""
        if self._columns is None:
            return [each.decode() for each in next(iter(inputs.values())).ravel()]
        places = zip(self._columns, self._missing, strict=True)
        columns = [_column(inputs[name], place, missing) for (name, place), missing in places]
        if self._names is not None:
            import pandas as pd

            series = [pd.Series(column, dtype=column.dtype) for column in columns]
            return pd.concat(series, axis=1, keys=self._names)
        if any(column.dtype.kind == "O" for column in columns):
            columns = [column.astype(np.object_) for column in columns]
        return np.stack(columns, axis=1)


def _column(array: Array, place: int, missing: Any) -> Array:
    column = array if array.ndim == 1 else array[:, place]
    if column.dtype.kind != "O":
        return column
    texts = np.empty(len(column), np.object_)
    texts[:] = [each.decode() if each else missing for each in column]
    return texts


def _as_stated(answer: Any, spec: TensorSpec) -> Array:
    """Return an answer with the datatype and the number of axes that the signature states."""
    array = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if spec.datatype == BYTES:
        texts = np.empty(array.size, np.object_)
        texts[:] = [str(text).encode() for text in array.flat]
        array = texts.reshape(array.shape)
    else:
        array = array.astype(DTYPES[spec.datatype], copy=False)
    return array if array.ndim == len(spec.shape) else array.reshape(len(array), -1)
