"""What a stage costs in a month, by part."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from lading.cli.locked import chosen_version
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.placement.options import MILLION, per_million_calls
from lading.model_packaging.placement.prices import Prices
from lading.model_packaging.placement.stage_costs import CostPart, Traffic, cost_parts
from lading.model_packaging.placement.targets import Placement
from lading.stacks.plan.costs import count_parts
from lading.stacks.stages.settings import Deployment


def stage_costs(
    deployment: Deployment,
    lock: Path,
    placements: Mapping[str, Placement],
    prices: Prices,
    root_share: float,
) -> tuple[CostPart, ...]:
    """Return the parts of a stage in one region, where each model runs where the lock says."""
    locked = read_lock(lock)
    targets = {
        name: locked.model(name).versions[chosen_version(lock, name)].target for name in placements
    }
    chosen = [
        option
        for name, placement in placements.items()
        for option in placement.options
        if option.target == targets[name]
    ]
    compute = sum(
        (option.usage - per_million_calls(prices) + prices.lambda_.requests_per_million)
        * option.requests
        / MILLION
        for option in chosen
    )
    hours = {
        type_: instance.hour
        for each in (prices.sagemaker, prices.managed.instances)
        for type_, instance in each.items()
    }
    parts = count_parts(deployment, targets, hours)
    requests = sum(option.requests for option in chosen)
    return cost_parts(parts, Traffic(requests, compute, root_share), prices)


def show_stage(stage: str, costs: Sequence[CostPart]) -> None:
    """Show the parts of a stage that cost something, and their sum."""
    shown = [part for part in costs if part.rest or part.usage]
    total = CostPart("sum", sum(it.rest for it in shown), sum(it.usage for it in shown))
    typer.echo(f"\nStage {stage} in one region, for a month; prices are estimates:")
    headings = ("part", "at rest", "with the requests")
    rows = [
        [part.name, f"${part.rest:,.2f}", f"${part.rest + part.usage:,.2f}"]
        for part in (*shown, total)
    ]
    show_table(headings, rows, right=headings[1:])
