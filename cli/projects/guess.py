"""Guesses a model's entry in models.yaml from its file, and from rows of data if there are some."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lading.api.gates import MAX_DROP, usual_gate
from lading.cli.projects.files import ModelText
from lading.functions.contract.names import NAME_PATTERN
from lading.functions.contract.routes import RESERVED_NAMES
from lading.model_packaging.inspected import Inspected
from lading.model_packaging.manifest.address import is_remote
from lading.model_packaging.measure.holdout import SINGLE_INPUT, TRUTH
from lading.model_packaging.remote.cache import ARCHIVES
from lading.model_packaging.remote.kind import shown
from lading.model_packaging.remote.registry import find_kind
from lading.model_packaging.tables.datatypes import NUMBER, TEXT, TRUTH_VALUE
from lading.model_packaging.tables.table import Cells, Column, Table, Unreadable

Choose = Callable[[str, Sequence[str]], str]
"""Asks which of several; returns an empty text where nobody answers."""

_EXTRAS: Mapping[str, tuple[str, ...]] = {
    "scikit-learn": ("sklearn",),
    "lightgbm": ("boosting",),
    "xgboost": ("boosting",),
    "pytorch": ("pytorch",),
    "tensorflow": ("tensorflow",),
    "huggingface": ("huggingface",),
    "onnx": (),
}
"""Framework -> the extras that package its models."""

_PLACES: Mapping[str, tuple[str, ...]] = {
    "hf://": ("huggingface",),
    "models:/": ("mlflow",),
    "runs:/": ("mlflow",),
}
"""How an address begins -> the extras that fetch and package its models."""

_USUAL_TRUTHS = ("y", "target", "label", "labels", "class", "truth")
_MOST_STATED = 40
"""Columns that an entry states; more are left to packaging, which infers the same."""
_NAMELESS = frozenset({"model", "pipeline", "estimator", "saved_model", "best_model", "checkpoint"})
_TEXT_EXAMPLE = "Replace this by a text of your own."


class Guess(NamedTuple):
    """The guessed part of a project, and what was guessed, for people.

    Args:
        model: the model's texts.
        said: what was guessed: subject -> text.
    """

    model: ModelText
    said: Mapping[str, str]


class GivenRows(NamedTuple):
    """Rows of data.

    Args:
        path: the file, relative to the project.
        table: its columns.
    """

    path: str
    table: Table


def guess_name(source: Path, folder: Path) -> str:
    """Return a name for a model: that of its file, or of the project where that says nothing."""
    plain = _named_by(str(source)) if is_remote(str(source)) else source
    packed = next((each for each in ARCHIVES if plain.name.endswith(each)), plain.suffix)
    stem = plain.name.removesuffix(packed)
    if stem.lower() in _NAMELESS:
        stem = folder.resolve().name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:50]
    known = re.fullmatch(NAME_PATTERN, name) and name not in RESERVED_NAMES
    return name if known else "model"


def _named_by(address: str) -> Path:
    """Return the part of an address that names the model: neither a revision nor a version."""
    *above, last = re.split("[@?#]", address)[0].rstrip("/").split("/")
    return Path(above[-1] if last.isdecimal() else last)


def missing_column(found: Inspected, table: Table) -> str:
    """Return a column that the model needs and the rows lack; empty if they have all."""
    if found.framework == "huggingface":
        wanted = "image" if found.images else "text"
        return "" if wanted in table else wanted
    return next((name for name in found.columns if name not in table), "")


def guess(
    name: str,
    source: str,
    found: Inspected,
    rows: GivenRows | None,
    choose: Choose,
    *,
    trust: bool | tuple[str, ...],
) -> Guess:
    """Guess the entry of a model.

    Args:
        name: its name.
        source: its path, relative to the project.
        found: what its file says.
        rows: held-out rows, if there are some.
        choose: asks for the column of the truth.
        trust: whether loading the file may run code, or the types that it may have.
    """
    said = {"framework": found.framework}
    entry: dict[str, Any] = {"source": source}
    notes = {}
    if trust:
        entry["trust"] = trust if isinstance(trust, bool) else list(trust)
        notes["trust"] = "loading this file runs code in it; it is packaged without network"
    if found.columns:
        said["inputs"] = _listed(found.columns)
    if 0 < len(found.columns) <= _MOST_STATED:
        entry["inputs"] = {
            each: {"shape": ["batch"]} | ({} if kind == NUMBER else {"datatype": kind})
            for each, kind in found.columns.items()
        }
        notes["inputs"] = "a number becomes FP64 where float32 would change an answer"
    gate = _gate(found, rows, choose) if rows else None
    if gate:
        entry |= {"quantize": "auto", "accuracy": gate}
        notes["quantize"] = "the smallest model that passes the gate below"
        notes["accuracy"] = "a model that loses more is not published"
    said["accuracy"] = _said(gate) if gate else _ungated(rows)
    extras = _EXTRAS.get(found.framework, ())
    if found.framework == "scikit-learn" and found.columns:
        extras = ("tabular",)
    extras += ("boosting",) if found.boosts else ()
    return Guess(ModelText(name, entry, notes, _request(found, rows), extras), said)


def guess_address(name: str, address: str) -> Guess:
    """Guess the entry of a model at an address; nothing is downloaded.

    Args:
        name: its name.
        address: where it lives, as `source` in models.yaml has it.

    Raises:
        SourceUnfetched: it is of no known kind, or an https address lacks its digest.
    """
    kind = find_kind(address)
    if address.startswith("https://"):
        kind.resolve(address)  # the digest is in the address, so that nothing is asked
    notes = {"source": "`lading package` downloads it, and the lock pins what came"}
    extras = next((it for start, it in _PLACES.items() if address.startswith(start)), ())
    return Guess(
        ModelText(name, {"source": address}, notes, None, extras),
        {"source": f"{shown(address)}, which `lading package` downloads"},
    )


def _listed(columns: Mapping[str, str]) -> str:
    words = {NUMBER: "number", TEXT: "text", TRUTH_VALUE: "true or false"}
    shown = [f"{name} ({words.get(kind, kind)})" for name, kind in list(columns.items())[:8]]
    more = len(columns) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _ungated(rows: GivenRows | None) -> str:
    if rows is None:
        return "no gate: --data names held-out rows with the correct answers"
    return f"no gate: which column of {rows.path} has the correct answers is not known"


def _said(gate: Mapping[str, Any]) -> str:
    truth = f" of '{gate['truth']}'" if "truth" in gate else ""
    return f"{gate['metric']}{truth} in {gate['data']}, may drop by {gate['max_drop']}"


def _gate(found: Inspected, rows: GivenRows, choose: Choose) -> dict[str, Any] | None:
    """Return the accuracy section; None if the rows have no truth that is known."""
    if found.answers == "vectors":
        return {"data": rows.path, "metric": "cosine", "max_drop": MAX_DROP}
    truth = find_truth(rows.table, found, choose)
    if not truth:
        return None
    stated = {} if truth == TRUTH else {"truth": truth}
    metric, drop = usual_gate(found.answers, rows.table[truth])
    return {"data": rows.path, **stated, "metric": metric, "max_drop": drop}


def find_truth(table: Table, found: Inspected, choose: Choose) -> str:
    """Return the column with the correct answers; empty if there is none, or nobody knows.

    Args:
        table: the rows.
        found: what the model's file says of its own columns.
        choose: asks where several columns may be it.
    """
    own = {*found.columns, SINGLE_INPUT}
    others = [name for name in table if name not in own]
    usual = [name for word in _USUAL_TRUTHS for name in others if name.lower() == word]
    if usual:
        return usual[0]
    if len(others) == 1:
        return others[0]
    if not found.columns and found.features and len(others) == found.features + 1:
        return others[-1]
    return choose("Which column has the correct answers?", others) if others else ""


def _request(found: Inspected, rows: GivenRows | None) -> dict[str, Any] | None:
    """Return a request of the plain dialect; None where the model's inputs are not known."""
    table = rows.table if rows else {}
    if found.columns:
        row = {name: _first(table.get(name), kind) for name, kind in found.columns.items()}
        return {"inputs": [row]}
    if found.images:
        return None  # `lading predict NAME -i cat.jpg` needs no request
    if found.framework == "huggingface":
        text = _first(table["text"], TEXT) if "text" in table else _TEXT_EXAMPLE
        return {"inputs": [text]}
    single = table.get(SINGLE_INPUT)
    if isinstance(single, np.ndarray) and single.ndim and len(single):
        return {"inputs": single[:1].tolist()}
    if found.features:
        own = [name for name in table if name not in _USUAL_TRUTHS][: found.features]
        values = [_first(table[name], NUMBER) for name in own]
        known = len(values) == found.features
        return {"inputs": [values if known else [0.0] * found.features]}
    return None


def _first(column: Column | None, kind: str) -> Any:
    """Return the first value of a column, as JSON has it."""
    empty: Any = {TEXT: "", TRUTH_VALUE: False}.get(kind, 0.0)
    if column is None:
        return empty
    if isinstance(column, Cells):
        return _of_text(column, kind) if column.texts else empty
    values = column.tolist() if isinstance(column, np.ndarray) else column
    value = values[0] if values else empty
    return str(value) if kind == TEXT and value is not None else value


def _of_text(cells: Cells, kind: str) -> Any:
    if not cells.texts[0]:
        return None
    if kind == TEXT:
        return cells.texts[0]
    one = Cells(cells.texts[:1], cells.lines[:1])
    try:
        return one.booleans("")[0] if kind == TRUTH_VALUE else one.numbers("")[0]
    except Unreadable:
        return cells.texts[0]
