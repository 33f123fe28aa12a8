"""Asks a model's file for its columns and its answers, without packaging it.

The file is read in a process of its own, confined like that which packages (`packaging_limits`). It
may hold hostile code, so that every value it writes is checked.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from zipfile import is_zipfile

from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.converters.huggingface.folder import holds_images
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import PackagingError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.packaging_limits import Limits, start_of
from lading.model_packaging.sources.mlflow_source import as_logged

Answers = Literal["labels", "numbers", "vectors", ""]

_SCIKIT_LEARN, _HUGGING_FACE = "scikit-learn", "huggingface"
_SERVE = "from lading.model_packaging.estimators import inspection; inspection.serve()"
_PICKLES = frozenset({".joblib", ".pkl", ".pickle"})
_LONGEST_S, _LONGEST_OUTPUT = 300.0, 1 << 20
_MOST_COLUMNS = 100_000


class InspectionFailed(PackagingError):
    """The file cannot be read; the text is that of the process that reads it.

    Remedy: check that the file is complete, and that its framework is installed.
    """


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a trained model.

    Args:
        framework: its framework.
        columns: datatype of each named column, in the order of training; empty if it has no names.
        features: how many columns it was fitted on; None: texts, or not known.
        answers: whether it answers labels, numbers or vectors; empty if that is not known.
        images: whether it answers images, of a folder of Hugging Face.
        boosts: whether XGBoost or LightGBM is needed too, such as by a step of a pipeline.
    """

    framework: str
    columns: Mapping[str, str] = field(default_factory=dict)
    features: int | None = None
    answers: Answers = ""
    images: bool = False
    boosts: bool = False


def inspected(spec: ModelSpec, data: Path | None, limits: Limits = Limits()) -> Inspected:  # noqa: B008 it is immutable
    """Return what a model's file says of it; of other frameworks than scikit-learn, their name.

    Args:
        spec: the model: its name, its source, and whether it is trusted.
        data: rows with its columns, if there are some.
        limits: whether code in the file is confined.

    Raises:
        SourceUntrusted: loading it would run code; `contents` are the types of a .skops file.
        FrameworkUnknown: no converter accepts the file.
        LibraryMissing: its framework is not installed.
        PackagingError: it cannot be read.
    """
    spec = as_logged(spec)
    converter = find_converter(spec.name, spec.source, spec.framework)
    converter.tools(spec)  # the framework is installed
    if converter.framework != _SCIKIT_LEARN:
        images = converter.framework == _HUGGING_FACE and holds_images(spec)
        return Inspected(converter.framework, images=images)
    return checked(spec, _ask(spec, data, confined=limits.confines(spec)))


def is_pickle(path: Path) -> bool:
    """Return whether a file is a pickle by its name: loading it runs the code in it.

    One that skops has written under such a name has no code to run.
    """
    return path.suffix.lower() in _PICKLES and not is_zipfile(path)


def _ask(spec: ModelSpec, data: Path | None, *, confined: bool) -> Any:
    order = {
        "name": spec.name,
        "source": str(spec.source.resolve()),
        "trust": spec.trusts_all or spec.trusted_types,
        "data": str(data.resolve()) if data else "",
    }
    with TemporaryDirectory(prefix="lading-") as name:
        folder = Path(name)
        answer, details = folder / "answer", folder / "details"
        start = start_of(folder, details, confined=confined, serve=_SERVE)
        with answer.open("wb") as output, details.open("wb") as errors:
            try:
                subprocess.run(
                    start.command,
                    input=json.dumps(order).encode(),
                    stdout=output,
                    stderr=errors,
                    env=start.environment,
                    timeout=_LONGEST_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                reason = f"could not be read within {_LONGEST_S:g} s"
                raise SourceUnreadable(spec.name, spec.source, reason) from error
        with answer.open("rb") as file:
            content = file.read(_LONGEST_OUTPUT)
    try:
        return json.loads(content)
    except ValueError as error:
        reason = "cannot be read: the process that reads it ended without an answer"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def checked(spec: ModelSpec, found: Any) -> Inspected:
    """Return the answer of the process as what is known of the model.

    Raises:
        InspectionFailed: the process says that it cannot read the file.
        SourceUntrusted: it says which types are not trusted.
        SourceUnreadable: the answer does not have the right form.
    """
    if isinstance(found, dict) and isinstance(found.get("error"), str):
        raise InspectionFailed(found["error"])
    if isinstance(found, dict) and isinstance(found.get("untrusted"), list):
        types = map(str, found["untrusted"])
        raise SourceUntrusted(spec.name, spec.source, types, types=True)
    try:
        columns = {str(name): str(datatype) for name, datatype in found["columns"].items()}
        features, answers = found["features"], found["answers"]
    except (AttributeError, LookupError, TypeError):
        columns, features, answers = {}, -1, ""
    right = (
        all(datatype in DTYPES for datatype in columns.values())
        and (features is None or (isinstance(features, int) and 0 <= features <= _MOST_COLUMNS))
        and answers in ("labels", "numbers", "vectors")
    )
    if not right:
        reason = "cannot be read: the process that reads it gave no valid answer"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return Inspected(_SCIKIT_LEARN, columns, features, answers, boosts=found.get("boosts") is True)
