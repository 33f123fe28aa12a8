"""`lading review`: what a change does to the models and to the costs, in Markdown."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import InputUnreadable
from lading.cli.commands.tokens import STAGES, Stages
from lading.cli.cost_changes import CostChange, Month, Project, cells, cost_changes, total
from lading.cli.errors import Unwritable
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest
from lading.cli.versions.diff import compare_published, fact_cells, notes_of, shown_facts
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import LockedVersion, read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.placement.options import MILLION
from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.store.transfer import read_nearest

_AGAINST = typer.Option(metavar="FOLDER", help="Another checkout: the branch that gets the change.")
_PACKAGED = typer.Option(help="What `lading package --json` wrote: models that failed are in it.")
_OUTPUT = typer.Option(help="File for the Markdown; standard output without it.")
_STAGE = typer.Option(envvar="LADING_STAGE", help="Stage whose parts to count in the costs.")
_REQUESTS = typer.Option("--requests-per-month", min=1, max=10**15, help="Requests of each model.")


def review(
    against: Annotated[Path, _AGAINST],
    packaged: Annotated[Path | None, _PACKAGED] = None,
    stage: Annotated[str | None, _STAGE] = None,
    requests: Annotated[int, _REQUESTS] = MILLION,
    output: Annotated[Path | None, _OUTPUT] = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    stages: Stages = STAGES,
    json_: Json = False,
) -> None:
    """Write the page that reviewers of a change need: models, gate, and costs, in Markdown.

    Each model's stable version is compared with the stable version of the other checkout. Workflows
    of `lading init --ci github` add this page to the pull request.

    Examples:

        lading review --against ../main

        lading review --against ../main --packaged package.json --stage prod --output review.md

        lading review --against ../main --json
    """
    here = Project(manifest, lock, stages)
    other = here.at(against)
    month = Month(requests, stage or "")
    lines = ["## Models", ""]
    failures = {} if packaged is None else _failures(packaged)
    for name in load_manifest(manifest).models:
        lines += [*_model(name, other, here, failures.get(name, "")), ""]
    changes = cost_changes(other, here, read_prices(), month)
    lines += ["## Costs of a month", "", *_costs(changes, month)]
    text = "\n".join(lines) + "\n"
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Unwritable(output, error) from error
    if json_:
        costs = [{**asdict(each), "difference": each.difference} for each in changes]
        document = {"markdown": text, "failed": dict(failures), "costs": costs}
        typer.echo(json.dumps(document, indent=2))
    elif output is None:
        typer.echo(text, nl=False)


def _failures(path: Path) -> Mapping[str, str]:
    """Return the models that were not packaged, and why."""
    try:
        documents: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        failed = [each for each in documents[:] if "error" in each]  # an object has no slices
        return {each["model"]: str(each["error"]["message"]) for each in failed}
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = "is not what `lading package --json` writes"
        raise InputUnreadable(str(path), reason) from error


def _model(name: str, before: Project, after: Project, failure: str) -> Iterator[str]:
    """Yield the lines about one model."""
    yield f"### {name}"
    yield ""
    if failure:
        yield f"**Not packaged**: {_plain(failure)}"
        return
    first, second = (_stable(project.lock, name) for project in (before, after))
    if second is None:
        yield "No version of it is stable."
    elif first is None:
        yield f"New: version {second}."
    elif _entry(before, name, first).digest == _entry(after, name, second).digest:
        yield f"Unchanged: version {second}."
    else:
        facts = compare_published(
            read_nearest(name, first, _entry(before, name, first), before.lock),
            read_nearest(name, second, _entry(after, name, second), after.lock),
        )
        heads = ("", "", f"version {first}", f"version {second}", "change")
        yield from _table(heads, map(fact_cells, shown_facts(facts)))
        yield from ("", *notes_of(facts))


def _stable(lock: Path, name: str) -> int | None:
    return read_lock(lock).model(name).labels.get(DEFAULT_LABEL)


def _entry(project: Project, name: str, version: int) -> LockedVersion:
    return read_lock(project.lock).model(name).versions[version]


def _costs(changes: Sequence[CostChange], month: Month) -> Iterator[str]:
    summed = total(changes, month.stage)
    shown = [each for each in changes if round(each.difference, 2)]
    yield from _table(("", "before", "after", "difference"), map(cells, (*shown, summed)))
    yield ""
    stage = f"Stage {month.stage}: e" if month.stage else "E"
    same = "" if shown else " Nothing costs more or less."
    yield f"{stage}stimates for {month.requests:,} requests of each model.{same}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row))} |"


def _plain(text: str) -> str:
    """Return text that cannot end a cell or begin markup: names and errors are from the change."""
    line = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#@!" else each for each in line)
