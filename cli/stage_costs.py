"""What a stage costs in a month, by part."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from lading.api.locked import chosen_version
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import Lock, S3Copy, read_lock
from lading.model_packaging.placement.prices import Prices
from lading.model_packaging.placement.stage_costs import GIGABYTE, CostPart, Traffic, cost_parts
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
    compute = sum(option.compute(prices) * option.requests for option in chosen)
    hours = {
        type_: instance.hour
        for each in (prices.sagemaker, prices.managed.instances)
        for type_, instance in each.items()
    }
    parts = replace(count_parts(deployment, targets, hours), artifact_gb=_artifact_gb(locked))
    requests = sum(option.requests for option in chosen)
    return cost_parts(parts, Traffic(requests, compute, root_share), prices)


def _artifact_gb(locked: Lock) -> float:
    """Return the gigabytes of all versions in S3; a copy in another bucket counts again."""
    versions = (it for name in locked.names() for it in locked.model(name).versions.values())
    copies = (copy for version in versions for copy in version.stores)
    return sum(copy.bytes for copy in copies if isinstance(copy, S3Copy)) / GIGABYTE


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
