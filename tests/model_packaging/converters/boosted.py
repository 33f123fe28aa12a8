"""Rows and checks for boosted models."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.check.tree_probes import tree_probes
from lading.model_packaging.check.trees import TreeArrays
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.manifest.models import ModelSpec

COLUMNS, CATEGORIES = 5, 3
"""Columns of the rows; the place of the one that holds categories."""
ROWS = 600
_RANDOM = np.random.default_rng(0)


def _training_rows() -> Array:
    """Numbers, some of them zero or missing, and categories in one column."""
    rows = _RANDOM.normal(size=(ROWS, COLUMNS))
    rows[:, CATEGORIES] = _RANDOM.integers(0, 9, ROWS)
    rows[_RANDOM.random(ROWS) < 0.4, 2] = 0
    rows[_RANDOM.random(ROWS) < 0.2, 1] = np.nan
    return rows


X = _training_rows()
SIZE = X[:, 0] + 0.5 * np.nan_to_num(X[:, 1]) + (X[:, CATEGORIES] % 3 == 1)
NOISY = SIZE + _RANDOM.normal(size=ROWS)
TWO, THREE = (NOISY > 0).astype(int), np.digitize(NOISY, [-0.5, 0.7])
POSITIVE, SEVERAL = np.exp(SIZE), np.stack([SIZE * 50, X[:, 4]], axis=1)


def convert(path: Path, iterations: Literal["best", "all"] | None = None) -> Conversion:
    spec = ModelSpec("trees", path, iterations=iterations)
    return find_converter(spec.name, path).convert(spec)


def require_equal(
    conversion: Conversion,
    trees: tuple[TreeArrays, ...] = (),
    data: Array = X,
    *,
    refuses_infinite: bool = False,
) -> None:
    """Check every answer to rows that walk to each split, and to rows of every other kind."""
    session = OnnxSession(conversion.onnx)
    [rows] = session.inputs
    dtype: Any = DTYPES[rows.datatype].type
    columns = rows.shape[1]
    kinds = _kinds(columns, dtype, data) | tree_probes(trees, columns, dtype)
    for kind, probe in kinds.items():
        if refuses_infinite and "inf" in kind:
            continue
        wanted, found = conversion.reference({"X": probe}), session.run({"X": probe})
        assert {name: (each.dtype, each.shape) for name, each in found.items()} == {
            name: (each.dtype, each.shape) for name, each in wanted.items()
        }
        for name, answers in wanted.items():
            if answers.dtype.kind == "f":
                np.testing.assert_allclose(found[name], answers, 1e-3, 1e-4, err_msg=kind)
            else:
                np.testing.assert_array_equal(found[name], answers, err_msg=kind)


def _kinds(columns: int, dtype: type[np.floating], data: Array) -> dict[str, Array]:
    random = np.random.default_rng(1)
    normal = 3 * random.normal(size=(200, columns))
    whole = random.integers(-2, 12, (200, columns))
    values = (0.0, -0.0, 1e-36, -1e-36, 1e30, -1e30, -0.5, 2.0**32 + 1, np.nan, np.inf, -np.inf)
    kinds = {
        "as in training": data,
        "normal": normal,
        "some missing": np.where(random.random(normal.shape) < 0.3, np.nan, normal),
        "whole numbers": whole,
        "halves": whole + 0.5,
        **{f"all {value}": np.full((1, columns), value) for value in values},
    }
    return {kind: rows.astype(dtype) for kind, rows in kinds.items()}
