"""Trained objects become files: each framework's own format, as its users would save it.

To add a framework, add a function that saves its models, and its line to `KINDS`. No framework is
imported: an object brings its own methods.
"""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lading.api.errors import NotPackageable
from lading.model_packaging.inspected import Answers
from lading.model_packaging.tables.table import Table


class Saved(NamedTuple):
    """A saved model.

    Args:
        source: its file or folder, or its address.
        keys: what models.yaml must say of it.
        answers: whether it answers labels, numbers or vectors; empty if that is not known.
    """

    source: str | Path
    keys: Mapping[str, Any] = {}
    answers: Answers = ""


class ObjectKind(NamedTuple):
    """The models of one framework.

    Args:
        packages: top-level packages in which a class of the object is.
        save: writes the object into a folder; gets its rows, which may be none.
    """

    packages: frozenset[str]
    save: Callable[[Any, Table, Path], Saved]


def save_object(model: Any, rows: Table, folder: Path) -> Saved:
    """Save a trained object into a folder.

    Args:
        model: the object.
        rows: its rows, by column; empty if there are none.
        folder: an existing folder.

    Raises:
        NotPackageable: no framework of the list made it, or it cannot be saved.
    """
    packages = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    for kind in KINDS:
        if kind.packages & packages:
            return kind.save(model, rows, folder)
    known = ", ".join(sorted(name for kind in KINDS for name in kind.packages))
    raise NotPackageable(
        f"an object of type {_type(model)} is not a model that can be saved; supported are objects "
        f"of {known}, and paths of files"
    )


def _save_onnx(model: Any, _: Table, folder: Path) -> Saved:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return Saved(path)


def _save_xgboost(model: Any, _: Table, folder: Path) -> Saved:
    path = folder / "model.ubj"
    model.save_model(path)
    return Saved(path, answers=_answers(model))


def _save_lightgbm(model: Any, rows: Table, folder: Path) -> Saved:
    if hasattr(model, "classes_") and not _numbered(model.classes_):
        return _save_estimator(model, rows, folder)  # a booster's own file has no names of classes
    path = folder / "model.txt"
    getattr(model, "booster_", model).save_model(path)
    return Saved(path)


def _numbered(classes: Any) -> bool:
    """Return whether classes are 0, 1, 2 and so on."""
    return classes.dtype.kind in "iu" and classes.tolist() == list(range(len(classes)))


def _save_keras(model: Any, _: Table, folder: Path) -> Saved:
    path = folder / "model.keras"
    model.save(path)
    return Saved(path)


def _save_folder(model: Any, _: Table, folder: Path) -> Saved:
    """Save a pipeline of transformers, or a model of sentence-transformers, with its tokenizer."""
    if not hasattr(model, "tokenize") and not hasattr(model, "tokenizer"):
        raise NotPackageable(
            f"{_type(model)} has no tokenizer; give the pipeline instead, such as "
            "transformers.pipeline('text-classification', model=model, tokenizer=tokenizer)"
        )
    path = folder / "model"
    model.save_pretrained(str(path))
    return Saved(path)


def _save_torch(model: Any, rows: Table, folder: Path) -> Saved:
    from lading.model_packaging.converters.pytorch.program_file import save_program

    examples = [np.asarray(column)[:8] for column in rows.values()]
    if not examples:
        raise NotPackageable(
            f"{_type(model)} does not say what it takes; give rows: package(model, X), with an "
            "array, or an array for each argument of forward"
        )
    path = folder / "model.pt2"
    save_program(model, examples, path)
    return Saved(path)


def _save_estimator(model: Any, _: Table, folder: Path) -> Saved:
    path = folder / "model.pkl"
    try:
        content = pickle.dumps(model)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotPackageable(f"{_type(model)} cannot be saved: {error}") from error
    if b"__main__" in content:
        raise NotPackageable(
            f"{_type(model)} holds a function or class of this notebook or script, which no other "
            "process can load; move it into a module beside it, and import it from there"
        )
    path.write_bytes(content)
    return Saved(path, {"trust": True}, _answers(model))


def _answers(model: Any) -> Answers:
    """Return what a fitted estimator answers."""
    if hasattr(model, "classes_"):
        return "labels"
    return "numbers" if hasattr(model, "predict") else ""


def _type(model: Any) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


KINDS: tuple[ObjectKind, ...] = (
    ObjectKind(frozenset({"onnx"}), _save_onnx),
    ObjectKind(frozenset({"xgboost"}), _save_xgboost),
    ObjectKind(frozenset({"lightgbm"}), _save_lightgbm),
    ObjectKind(frozenset({"keras"}), _save_keras),
    ObjectKind(frozenset({"transformers", "sentence_transformers"}), _save_folder),
    ObjectKind(frozenset({"torch"}), _save_torch),
    ObjectKind(frozenset({"sklearn"}), _save_estimator),
)
"""The first kind that fits is chosen: XGBoost's estimators are scikit-learn's too."""
