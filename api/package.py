"""`lading.package`: a trained object, or a file, becomes a published version."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import yaml

from lading.api.errors import NotPackageable
from lading.api.gates import MAX_DROP, usual_gate
from lading.api.local_model import LocalModel, load
from lading.api.locked import LOCK, STORE
from lading.api.objects import Saved, save_object
from lading.api.packaging import Work, package_each, package_line
from lading.api.reports import ModelReport, report
from lading.api.values import as_table, column_of
from lading.model_packaging.manifest.address import is_remote
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.measure.holdout import SINGLE_INPUT, TRUTH
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.versions import open_store
from lading.model_packaging.tables.table import Column, Table

_OWN: Final = Limits(unconfined=True)
"""The object is of this process, so that its code has had all rights of its user already."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A published version.

    Args:
        summary: its facts: digest, location, sizes, accuracy, labels.
        lock: models.lock.json, which has it now.
    """

    summary: Packaged
    lock: Path

    @property
    def name(self) -> str:
        """The model's name."""
        return self.summary.name

    @property
    def version(self) -> int:
        """The version's number."""
        return self.summary.version

    def load(self) -> LocalModel:
        """Return it, loaded in this process; see `lading.load`."""
        return load(self.name, self.version, lock=self.lock)

    def predict(self, inputs: Any) -> Any:
        """Return its answer in this process; `load` once for many."""
        return self.load().predict(inputs)

    def report(self) -> ModelReport:
        """Return the page about it; see `lading.report`."""
        return report(self.name, self.version, lock=self.lock)

    def __str__(self) -> str:
        return package_line(self.summary)

    def _repr_html_(self) -> str:
        """Return its facts, for notebooks."""
        return f"<p>{escape(str(self))}</p>"


def package(
    model: Any,
    X: Any = None,  # noqa: N803 as in scikit-learn
    y: Any = None,
    *,
    name: str = "model",
    lock: str | Path = LOCK,
    store: str | Path | None = None,
    metric: str | None = None,
    max_drop: float | None = None,
    quiet: bool = False,
    **keys: Any,
) -> PackagedModel:
    """Convert, optimize, check and publish a trained model, and write the lock.

    The model is saved in its framework's own format, and packaged as `lading package` does. The
    same model, rows and keys give the same version.

    Args:
        model: a fitted estimator or pipeline, a network, the path of a file or folder, or an
            address such as `hf://org/name`.
        X: held-out rows: a data frame, an array, arrays by name, or texts. The model's inputs are
            inferred from them, where it does not state them.
        y: the correct answers to X, for the accuracy gate. Without them a classifier is held
            against its own original.
        name: the model's name, the first segment of its URL.
        lock: models.lock.json.
        store: a folder, or s3://bucket/prefix; by default `artifacts` beside the lock.
        metric: the metric of the gate; by default the one that fits y.
        max_drop: the largest accepted drop of the metric.
        quiet: whether to show no progress.
        keys: keys of models.yaml, such as quantize, explain, labels, target.

    Raises:
        NotPackageable: the object is not a model that can be saved.
        PackagingError: nothing is published, and the lock is unchanged.
    """
    with TemporaryDirectory(prefix="lading-") as temporary:
        folder = Path(temporary)
        rows = _rows(X)
        own = not isinstance(model, str | Path)
        saved = save_object(model, rows, folder) if own else _named(model)
        gate = _gate(saved, rows, y, folder, (metric, max_drop))
        entry = {"source": str(saved.source), **saved.keys, **gate, **_absolute(keys)}
        manifest = folder / "models.yaml"
        manifest.write_text(yaml.safe_dump({"models": {name: entry}}, sort_keys=False))
        place = Path(lock)
        where = open_store(str(store if store is not None else place.parent / STORE))
        limits = _OWN if own else Limits()
        specs = load_manifest(manifest).select()
        for _, outcome in package_each(specs, Work(where, place, limits=limits, quiet=quiet)):
            if isinstance(outcome, Exception):
                raise outcome
            return PackagedModel(outcome, place)
    raise AssertionError


def _named(model: str | Path) -> Saved:
    """Return a file, a folder, or an address as models.yaml has it."""
    return Saved(model if is_remote(str(model)) else str(Path(model).absolute()))


def _rows(given: Any) -> Table:
    """Return rows by column; those of the only input are called X."""
    if given is None:
        return {}
    table = as_table(given)
    return {SINGLE_INPUT: column_of(given)} if table is None else table


def _gate(
    saved: Saved, rows: Table, y: Any, folder: Path, stated: tuple[str | None, float | None]
) -> dict[str, Any]:
    """Write the held-out rows, and return the keys of the gate; none without what it needs."""
    metric, max_drop = stated
    if y is None and metric is None and saved.answers != "labels":
        return {}
    if not rows:
        if y is not None or metric is not None:
            raise NotPackageable("y and metric need rows; give them: package(model, X, y)")
        return {}
    usual, drop = ("match", MAX_DROP) if y is None else usual_gate(saved.answers, column_of(y))
    if TRUTH in rows:
        raise NotPackageable(f"X has a column '{TRUTH}', the name of the truth; rename it")
    data = _write(rows if y is None else {**rows, TRUTH: column_of(y)}, folder)
    accuracy = {
        "data": data.name,
        "metric": metric or usual,
        "max_drop": drop if max_drop is None else max_drop,
    }
    return {"quantize": "auto", "accuracy": accuracy}


def _write(table: Table, folder: Path) -> Path:
    """Write rows: arrays of several axes as .npz, columns as JSON Lines, which has null."""
    if any(isinstance(column, np.ndarray) and column.ndim > 1 for column in table.values()):
        path = folder / "rows.npz"
        arrays: dict[str, Any] = {name: np.asarray(column) for name, column in table.items()}
        np.savez(path, **arrays)
        return path
    path = folder / "rows.jsonl"
    columns = [_values(column) for column in table.values()]
    with path.open("w", encoding="utf-8") as file:
        for row in zip(*columns, strict=True):
            file.write(json.dumps(dict(zip(table, row, strict=True))) + "\n")
    return path


def _values(column: Column) -> Sequence[Any]:
    """Return the values of a column, as JSON has them."""
    listed = column.tolist() if isinstance(column, np.ndarray) else column
    assert isinstance(listed, list)
    return [None if value != value else value for value in listed]  # noqa: PLR0124 NaN


def _absolute(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys whose paths do not depend on a folder."""

    def stated(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value.absolute())
        if isinstance(value, Mapping):
            return {key: stated(each) for key, each in value.items()}
        return value

    return {key: stated(value) for key, value in keys.items()}
