"""`lading diff`: how two versions of a model differ."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lading.api.errors import InputUnreadable
from lading.cli.lock_edits import version_of
from lading.cli.options import LOCK, Json, Lock, Name
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.report.comparison import Fact, Value, compare_versions
from lading.model_packaging.sizes import in_words
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.transfer import read_nearest

_A = typer.Argument(metavar="A", help="The number or a label of the first version.")
_B = typer.Argument(metavar="B", help="The number or a label of the second version.")

_ALWAYS = ("size", "accuracy", "latency")
_LONGEST = 48


def diff(
    name: Name, a: Annotated[str, _A], b: Annotated[str, _B], lock: Lock = LOCK, json_: Json = False
) -> None:
    """Show how two versions differ: signature, size, accuracy, latency, and what made them.

    The figures are those of packaging. A version that is not on this machine is read from S3.

    Examples:

        lading diff digits 1 2

        lading diff digits stable canary --json
    """
    numbers = [version_of(lock, name, word) for word in (a, b)]
    facts = _compare(lock, name, numbers)
    if json_:
        document = {"model": name, "before": numbers[0], "after": numbers[1]}
        shown = {**document, "facts": [asdict(fact) for fact in facts]}
        typer.echo(json.dumps(shown, indent=2))
        return
    headings = ("", "", *(f"version {number}" for number in numbers), "change")
    show_table(headings, map(fact_cells, shown_facts(facts)))
    for note in notes_of(facts):
        typer.echo(note)


def shown_facts(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that readers need: what differs, and what they always ask for."""
    return [fact for fact in facts if fact.group in _ALWAYS or fact.before != fact.after]


def _compare(lock: Path, name: str, numbers: Sequence[int]) -> list[Fact]:
    return compare_published(*(_read(lock, name, number) for number in numbers))


def compare_published(before: Published, after: Published) -> list[Fact]:
    """Return the facts of two versions, which may be of different locks.

    Raises:
        InputUnreadable: their documents are damaged.
    """
    try:
        return compare_versions(before, after)
    except ValueError as error:
        places = f"{before.location}, {after.location}"
        raise InputUnreadable(places, str(error)) from error


def _read(lock: Path, name: str, number: int) -> Published:
    return read_nearest(name, number, read_lock(lock).model(name).versions[number], lock)


def fact_cells(fact: Fact) -> list[str]:
    """Return a fact as the cells of a table: group, name, both values, and the change."""
    before, after = (_shown(fact, value) for value in (fact.before, fact.after))
    return [fact.group, fact.name, before, after, _change(fact)]


def _shown(fact: Fact, value: Value) -> str:
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"
    if value is None:
        return "none"
    if fact.group == "size":
        return in_words(int(value))
    return f"{value:.4f}" if fact.group == "accuracy" else f"{value:.3g}"


def _change(fact: Fact) -> str:
    if fact.before == fact.after:
        return "same"
    if not isinstance(fact.before, int | float) or not isinstance(fact.after, int | float):
        return "added" if fact.before is None else "removed" if fact.after is None else "changed"
    if fact.group == "accuracy":
        return f"{fact.after - fact.before:+.4f}"
    return f"{fact.after / fact.before:.2f}x" if fact.before else ""


def notes_of(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield what is the same, and why figures cannot be compared."""
    differ = {fact.name for fact in facts if fact.before != fact.after}
    if not any(fact.group == "signature" and fact.name in differ for fact in facts):
        yield "The signature is the same."
    if "held-out rows" in differ:
        yield "The accuracy was measured on different rows, so the figures do not compare."
    if "measured on" in differ:
        yield "The latency was measured on different machines, so the figures do not compare."
