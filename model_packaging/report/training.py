"""What training made a model, if one of Lading's did: for the page, and for a comparison."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lading.model_packaging.energy.estimate import range_in_words
from lading.model_packaging.report.elements import table

Fact = tuple[str, str | float | None]
_Made = Mapping[str, Any]


def training(specification: Mapping[str, Any]) -> Iterable[str]:
    """Yield the section for `training` of artifact.json; nothing without it.

    Raises:
        ValueError: the document is not what a training writes.
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


def training_facts(specification: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield each fact by its own name, so that two trainings can be compared; nothing without one.

    Raises:
        AttributeError, KeyError, TypeError: the document is not what a training writes.
    """
    made = specification.get("training")
    if made is None:
        return
    yield _maker(made)
    yield "commit", made.get("commit")
    yield "code", made.get("code")
    for name, digest in made["data"].items():
        yield f"data {name}", digest
    for name, value in made["parameters"].items():
        yield f"parameter {name}", _word(value)
    yield "seed", _word(made.get("seed"))
    for name, value in made.get("metrics", {}).items():
        yield f"metric {name}", float(value)
    yield "trained with", f"Python {made['python']}, {_words(made['libraries'])}"
    yield "training seconds", float(made["seconds"])
    yield "processor seconds", made.get("processor_seconds")
    yield "trained on", _words(made.get("machine", {})) or None
    yield "training energy", _energy(made) or None


def _rows(made: _Made) -> Iterable[list[str]]:
    search = made.get("search") or {}
    yield list(_maker(made))
    yield ["commit", str(made.get("commit") or "")]
    yield ["parameters", _words(made["parameters"])]
    yield ["trials of the search", str(search.get("trials", ""))]
    yield ["metrics", _words(made.get("metrics", {}))]
    yield ["seed", _word(made.get("seed")) or ""]
    yield ["code", str(made.get("code", ""))]
    yield ["data", _words(made["data"])]
    yield ["libraries", f"Python {made['python']}, {_words(made['libraries'])}"]
    yield ["took", _time(made)]
    yield ["on", _words(made.get("machine", {}))]
    yield ["energy", _energy(made)]


def _maker(made: _Made) -> tuple[str, str]:
    """Return what made the model: a script, or a teacher."""
    if "teacher" in made:
        return "teacher", f"{made['teacher']['model']}, {made['teacher']['digest']}"
    return "script", str(made["entry"])


def _time(made: _Made) -> str:
    parts = [f"{float(made['seconds']):.1f} s"]
    if "processor_seconds" in made:
        parts.append(f"{float(made['processor_seconds']):.1f} s of processors")
    start = f" from {made['started']}" if "started" in made else ""
    return ", ".join(parts) + start


def _energy(made: _Made) -> str:
    found = made.get("energy")
    if not found:
        return ""
    region = f" in {found['region']}" if found.get("region") else ""
    return f"{range_in_words(found['joules'], found['grams_co2e'])}{region}"


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in facts.items() if value != [])


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
