"""What a change of a project costs: the month of one checkout beside that of another."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from lading.api.errors import InputUnreadable
from lading.api.locked import chosen_version
from lading.cli.placements import placements_of
from lading.cli.stage_costs import stage_costs
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.placement.options import MILLION, Option
from lading.model_packaging.placement.prices import Prices
from lading.stacks.stages.settings import load_deployment


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a project that decide about its costs."""

    manifest: Path
    lock: Path
    stages: Path

    def at(self, folder: Path) -> "Project":
        """Return the same files in another checkout.

        Raises:
            InputUnreadable: the folder has no manifest.
        """
        other = Project(*(folder / each.name for each in (self.manifest, self.lock, self.stages)))
        if not other.manifest.is_file():
            reason = f"has no {self.manifest.name}; name the folder of another checkout, such as "
            raise InputUnreadable(str(folder), f"{reason}one that `git worktree add` made")
        return other


@dataclass(frozen=True, slots=True)
class Month:
    """The requests of a month, and what is counted beside the models.

    Args:
        requests: requests of each model.
        stage: the stage whose parts are counted; empty for none.
        root_share: share of the requests that go to root paths.
    """

    requests: int = MILLION
    stage: str = ""
    root_share: float = 0.0


@dataclass(frozen=True, slots=True)
class CostChange:
    """Dollars of a month before and after a change; None where there is no such thing."""

    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float:
        """What the change adds."""
        return (self.after or 0.0) - (self.before or 0.0)


def cost_changes(
    before: Project, after: Project, prices: Prices, month: Month
) -> tuple[CostChange, ...]:
    """Return the month's cost of each model, and with a stage of each of its parts.

    A model's cost is that of the target in the lock; the stage's parts contain it again.
    """
    first, second = (dict(_costs(each, prices, month)) for each in (before, after))
    names = [*first, *(name for name in second if name not in first)]
    return tuple(CostChange(name, first.get(name), second.get(name)) for name in names)


def total(changes: Sequence[CostChange], stage: str) -> CostChange:
    """Return the sum: of the stage's parts where a stage is counted, else of the models."""
    start = "part " if stage else "model "
    counted = [each for each in changes if each.name.startswith(start)]
    sums = (sum(getattr(each, side) or 0.0 for each in counted) for side in ("before", "after"))
    return CostChange("sum", *sums)


def show_changes(changes: Sequence[CostChange], month: Month, *, as_json: bool) -> None:
    """Print the changes as a table, or as one JSON document."""
    summed = total(changes, month.stage)
    if as_json:
        shown = [{**asdict(each), "difference": each.difference} for each in (*changes, summed)]
        typer.echo(json.dumps({"requests": month.requests, "changes": shown}, indent=2))
        return
    headings = ("", "before", "after", "difference")
    show_table(headings, map(cells, (*changes, summed)), right=headings[1:])
    typer.echo(f"\nDollars of a month with {month.requests:,} requests of each model; estimates.")


def cells(change: CostChange) -> list[str]:
    """Return a change as the cells of a table."""
    amounts = ("" if each is None else f"${each:,.2f}" for each in (change.before, change.after))
    rounded = round(change.difference, 2)
    return [
        change.name,
        *amounts,
        f"{'-' if rounded < 0 else '+'}${abs(rounded):,.2f}" if rounded else "same",
    ]


def _costs(project: Project, prices: Prices, month: Month) -> Iterator[tuple[str, float]]:
    locked = read_lock(project.lock)
    models = load_manifest(project.manifest).models
    packaged = [spec for name, spec in models.items() if locked.model(name).versions]
    placements = placements_of(packaged, project.lock, prices, month.requests)
    for name, placement in placements.items():
        target = locked.model(name).versions[chosen_version(project.lock, name)].target
        options: Mapping[str, Option] = {each.target: each for each in placement.options}
        option = options.get(target, placement.chosen)
        yield f"model {name}", option.at_rest + option.usage * month.requests / MILLION
    if month.stage:
        deployment = load_deployment(project.stages, month.stage)
        for part in stage_costs(deployment, project.lock, placements, prices, month.root_share):
            if part.rest or part.usage:
                yield f"part {part.name}", part.rest + part.usage
