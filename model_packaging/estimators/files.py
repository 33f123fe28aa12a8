"""Reads a fitted estimator from its file, and explains why a file cannot be read."""

import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from lading.model_packaging.errors import SourceUnreadable, SourceUntrusted
from lading.model_packaging.estimators.skops_import import import_skops
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.archive import require_harmless

_VERSION = re.compile(rb"_sklearn_version\W.{0,80}?([0-9]+\.[0-9]+[.0-9a-z]*)", re.DOTALL)
_OF_A_SCRIPT = re.compile(
    r"'__main__'.* has no attribute '(\w+)'|attribute '(\w+)' on .*'__main__'"
)
_ZLIB = b"\x78"


def load(spec: ModelSpec) -> Any:
    """Return the estimator in the model's source.

    Raises:
        SourceUntrusted: loading it would run code, and the manifest does not trust it.
        SourceUnreadable: it cannot be read, holds something else, or was made by another version.
    """
    require_harmless(spec)
    skops = spec.source.suffix == ".skops" or bool(_schema(spec.source))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = _load_skops(spec) if skops else _load_pickle(spec)
    for each in caught:
        if isinstance(each.message, InconsistentVersionWarning):
            _require_version(spec, each.message.original_sklearn_version)
    if not isinstance(estimator, BaseEstimator):
        kind = type(estimator).__name__
        reason = f"holds a {kind}, not a scikit-learn estimator"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return estimator


def _load_skops(spec: ModelSpec) -> Any:
    skops_io = import_skops()
    content = spec.source.read_bytes()
    untrusted = _attempt(spec, lambda: skops_io.get_untrusted_types(data=content))
    unknown = [each for each in untrusted if each not in spec.trusted_types]
    if unknown and not spec.trusts_all:
        raise SourceUntrusted(spec.name, spec.source, unknown, types=True)
    return _attempt(spec, lambda: skops_io.loads(content, trusted=untrusted))


def _load_pickle(spec: ModelSpec) -> Any:
    if not spec.trusts_all:
        raise SourceUntrusted(spec.name, spec.source, ["it is a pickle"])
    import joblib

    return _attempt(spec, lambda: joblib.load(spec.source))


def _attempt(spec: ModelSpec, read: Callable[[], Any]) -> Any:
    try:
        with library_errors():  # a damaged file, or code in it, raises anything
            return read()
    except LibraryFailed as failed:
        made_by = _version(spec.source)
        _require_version(spec, made_by)
        reason = _reason(failed.__cause__, whole=made_by is not None)
        raise SourceUnreadable(spec.name, spec.source, reason) from failed


def _reason(error: BaseException | None, *, whole: bool) -> str:
    """Return why a file cannot be read; a `whole` one seems to hold a fitted estimator."""
    if isinstance(error, ImportError) and error.name:
        advice = "pip install it; a module of your own needs a pyproject.toml for that"
        return f"needs the module '{error.name}', which is not installed here; {advice}"
    if named := _OF_A_SCRIPT.search(str(error)):
        advice = "move it into a module that is installed, import it from there, and save again"
        name = named[1] or named[2]
        return f"needs '{name}', which the script that saved the model defines; {advice}"
    foreign = isinstance(error, AttributeError)  # a class that does not exist here
    if not (whole or foreign) or isinstance(error, EOFError | pickle.UnpicklingError):
        return f"is damaged or not a file of scikit-learn: {error!r}"
    here = f"scikit-learn {sklearn.__version__} and numpy {np.__version__}"
    advice = "train and save it with these versions"
    return f"cannot be read by {here}: {error!r}; {advice}"


def _require_version(spec: ModelSpec, made_by: str | None) -> None:
    """Require that the file was made by the minor version that is installed.

    Raises:
        SourceUnreadable: it was not, and the estimator may answer differently now.
    """
    here = sklearn.__version__
    if made_by is None or made_by.split(".")[:2] == here.split(".")[:2]:
        return
    reason = (
        f"was made by scikit-learn {made_by}, and scikit-learn {here} is installed; install "
        f"scikit-learn=={made_by} to package it, or train and save it again with {here}"
    )
    raise SourceUnreadable(spec.name, spec.source, reason)


def _version(path: Path) -> str | None:
    """Return the version of scikit-learn that made the file; None if it is not stated."""
    content = _schema(path) or path.read_bytes()
    if content[:1] == _ZLIB:
        try:
            content = zlib.decompress(content)
        except zlib.error:
            return None
    found = _VERSION.search(content)
    return found[1].decode() if found else None


def _schema(path: Path) -> bytes:
    """Return the schema of a skops file; empty for a file of another kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("schema.json")
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError):
        return b""
