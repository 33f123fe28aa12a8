"""The section about the training that made a model, if one of Lading's did."""

from collections.abc import Iterable, Mapping
from typing import Any

from lading.model_packaging.report.elements import table


def training(specification: Mapping[str, Any]) -> Iterable[str]:
    """Yield the section for `training` of artifact.json; nothing without it.

    Raises:
        ValueError: the document is not what `lading train` writes.
    """
    made = specification.get("training")
    if made is None:
        return
    try:
        rows = [*_rows(made)]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error
    yield "<h2>Training</h2>"
    yield table(("", ""), [row for row in rows if row[1]], code=True)


def _rows(made: Mapping[str, Any]) -> Iterable[list[str]]:
    search, seed = made.get("search") or {}, made.get("seed")
    yield ["script", str(made["entry"])]
    yield ["commit", str(made.get("commit") or "")]
    yield ["parameters", _words(made["parameters"])]
    yield ["trials of the search", str(search.get("trials", ""))]
    yield ["metrics", _words(made["metrics"])]
    yield ["seed", "" if seed is None else str(seed)]
    yield ["code", str(made["code"])]
    yield ["data", _words(made["data"])]
    yield ["libraries", f"Python {made['python']}, {_words(made['libraries'])}"]
    yield ["took", f"{float(made['seconds']):.1f} s from {made['started']}"]
    yield ["on", _words(made["machine"])]


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value != [])
