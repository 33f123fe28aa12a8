"""What a missing text is to each column of an estimator, and which categories the column has.

A graph's notes say that of estimators with an ONNX form. Here the fitted steps themselves say it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from lading.model_packaging.estimators.composition import is_missing, places
from lading.model_packaging.estimators.frame import Frame, computed
from lading.model_packaging.estimators.graph import NoOnnxForm
from lading.model_packaging.estimators.notes import Notes, Origin


def note_steps(
    estimator: Any, origins: Sequence[Origin], names: Sequence[str] | None, notes: Notes
) -> None:
    """Note categories and missing texts of columns of which nothing is noted.

    Args:
        estimator: the fitted estimator, or a step of it.
        origins: the columns that it gets.
        names: their names, if they have names.
        notes: the notes; new ones are added.
    """
    if isinstance(estimator, BaseSearchCV):
        note_steps(getattr(estimator, "best_estimator_", None), origins, names, notes)
    elif isinstance(estimator, Pipeline):
        _note_pipeline(estimator, origins, names, notes)
    elif isinstance(estimator, ColumnTransformer):
        frame = Frame(computed("", np.float32, origins).blocks, tuple(names) if names else None)
        for _, step, columns in estimator.transformers_:
            chosen = _chosen(columns, frame)
            some = [names[place] for place in chosen] if names else None
            note_steps(step, [origins[place] for place in chosen], some, notes)
    elif isinstance(estimator, FeatureUnion):
        for _, step in estimator.transformer_list:
            note_steps(step, origins, names, notes)
    elif isinstance(estimator, SimpleImputer):
        for origin in origins:
            _note(notes, origin, [], estimator.missing_values)
    else:
        _note_categories(estimator, origins, notes)


def _note_pipeline(
    pipeline: Pipeline, origins: Sequence[Origin], names: Sequence[str] | None, notes: Notes
) -> None:
    """Follow the first steps, as long as each passes the columns on."""
    for _, step in pipeline.steps:
        note_steps(step, origins, names, notes)
        if not (isinstance(step, SimpleImputer | str) or step is None):
            break


def _chosen(columns: Any, frame: Frame) -> list[int]:
    try:
        return list(places(columns, frame))
    except NoOnnxForm:
        return []


def _note_categories(step: Any, origins: Sequence[Origin], notes: Notes) -> None:
    categories = getattr(step, "categories_", None)
    if not isinstance(categories, list) or len(categories) != len(origins):
        return
    for origin, found in zip(origins, categories, strict=True):
        known = [value for value in np.asarray(found).tolist() if not is_missing(value)]
        absent = [value for value in np.asarray(found).tolist() if is_missing(value)]
        missing = "" if "" in known else (absent or [np.nan])[0]
        _note(notes, origin, known, missing)


def _note(notes: Notes, origin: Origin, categories: list[Any], missing: Any) -> None:
    note = notes.of(origin.input, origin.column)
    if not note.categories:
        note.categories.extend(categories)
    if isinstance(note.missing, str) and note.missing == "":
        note.missing = missing
