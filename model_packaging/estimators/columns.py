"""The datatypes of an estimator's columns, where the manifest does not state them.

What the estimator was fitted with comes first: an encoder of categories knows whether they are
texts, numbers or truth values. Other columns are as in the held-out rows: texts, truth values, or
numbers. A date is a text, as CSV has it. A column that neither knows is a number.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline

from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.estimators.composition import places
from lading.model_packaging.estimators.frame import Frame, computed
from lading.model_packaging.estimators.graph import NoOnnxForm
from lading.model_packaging.tables.datatypes import (
    NUMBER,
    TEXT,
    TRUTH_VALUE,
    Datatype,
    Seen,
    seen_datatype,
)
from lading.model_packaging.tables.table import Table


def datatypes_of(estimator: Any, names: Sequence[str], table: Table) -> dict[str, Datatype]:
    """Return the datatype of each column.

    Args:
        estimator: the fitted estimator, or the first step that knows the columns.
        names: the columns, in the order of training.
        table: rows with such columns, if there are some; others are ignored.
    """
    fitted = fitted_datatypes(estimator, names)
    seen = {name: seen_datatype(table[name]) for name in names if name in table}
    return {name: fitted.get(name) or seen.get(name) or NUMBER for name in names}


def fitted_datatypes(estimator: Any, names: Sequence[str]) -> dict[str, Datatype]:
    """Return the datatypes that the estimator's steps know, by column."""
    if isinstance(estimator, BaseSearchCV):
        return fitted_datatypes(getattr(estimator, "best_estimator_", None), names)
    if isinstance(estimator, Pipeline):
        return _of_pipeline(estimator, names)
    if isinstance(estimator, ColumnTransformer):
        frame = _frame(names)
        parts = [(step, _chosen(columns, frame)) for _, step, columns in estimator.transformers_]
        return _first_known(fitted_datatypes(step, chosen) for step, chosen in parts)
    if isinstance(estimator, FeatureUnion):
        return _first_known(fitted_datatypes(step, names) for _, step in estimator.transformer_list)
    known = _values_of(estimator)
    if known is None or len(known) != len(names):
        return {}
    kinds = zip(names, map(_datatype_of, known), strict=True)
    return {name: datatype for name, datatype in kinds if datatype}


def _of_pipeline(pipeline: Pipeline, names: Sequence[str]) -> dict[str, Datatype]:
    """Return what the first steps know, as long as each passes the columns on."""
    found: dict[str, Datatype] = {}
    for _, step in pipeline.steps:
        found = fitted_datatypes(step, names) | found
        if not (isinstance(step, SimpleImputer | str) or step is None):
            break
    return found


def _frame(names: Sequence[str]) -> Frame:
    return Frame(computed("", np.float32, [None] * len(names)).blocks, tuple(names))


def _chosen(columns: Any, frame: Frame) -> list[str]:
    if not frame.names:  # it was fitted on an array
        return []
    try:
        return [frame.names[place] for place in places(columns, frame)]
    except NoOnnxForm:  # the conversion says which column is missing
        return []


def _first_known(found: Iterable[dict[str, Datatype]]) -> dict[str, Datatype]:
    known: dict[str, Datatype] = {}
    for each in found:
        known = each | known
    return known


def _values_of(step: Any) -> list[Any] | None:
    """Return values of each column that a fitted step holds; None if it holds none."""
    for attribute in ("categories_", "statistics_"):
        values = getattr(step, attribute, None)
        if isinstance(values, list):
            return values
        if isinstance(values, np.ndarray) and values.ndim == 1:
            return [np.asarray([value], values.dtype) for value in values]
    return None


def _datatype_of(values: Any) -> Seen:
    """Return the datatype of a column with these values; empty if they do not tell."""
    kinds = {type(value) for value in np.asarray(values).tolist()} - {type(None), float}
    if kinds == {str}:
        return TEXT
    if kinds == {bool}:
        return TRUTH_VALUE
    return NUMBER if kinds == {int} else ""


def column_of_dates(estimator: Any) -> str | None:
    """Return a column whose categories are dates of numpy; None if there is none.

    Callers send a date as a text, which such an encoder takes for an unknown category.
    """
    waiting, seen = [estimator], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, BaseEstimator):
            waiting += vars(each).values()
            for place, values in enumerate(_values_of(each) or ()):
                if np.asarray(values).dtype.kind in "mM":
                    names = getattr(each, "feature_names_in_", None)
                    return str(place if names is None else names[place])
        elif isinstance(each, list | tuple | dict):
            waiting += each.values() if isinstance(each, dict) else each
    return None


def is_plain(datatypes: Mapping[str, str]) -> bool:
    """Return whether all columns are numbers, which fit in one table."""
    return all(DTYPES[each].kind == "f" for each in datatypes.values())
