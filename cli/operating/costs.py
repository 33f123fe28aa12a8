"""`lading costs`: the estimate of `lading plan` beside what CloudWatch says was used."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from lading.api.locked import chosen_version
from lading.api.progress import show_steps
from lading.cli.aws.usage import Period, TenantRequests, UsageReader
from lading.cli.commands.tokens import STAGE, STAGES, Region, Stage, Stages
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest, Names
from lading.cli.placements import needs_of
from lading.cli.stage_costs import stage_costs
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.placement.options import MONTH_HOURS
from lading.model_packaging.placement.prices import PRICES, Prices, read_prices
from lading.model_packaging.placement.stage_costs import CostPart
from lading.model_packaging.placement.targets import Placement, place
from lading.model_packaging.placement.used import UsedStage
from lading.stacks.stages.settings import Deployment, load_deployment

_DAYS = typer.Option(min=1, max=455, help="Whole days up to now; CloudWatch keeps 455.")
_PRICES = typer.Option(envvar="LADING_PRICES", help="YAML file of AWS's prices.")
_TENANTS = typer.Option("--tenants", help="Also the share of each tenant, from the access log.")


@dataclass(frozen=True, slots=True)
class Bill:
    """One line: dollars that were estimated for these requests, and dollars that metrics tell."""

    name: str
    requests: int
    estimated: float
    used: float


@dataclass(frozen=True, slots=True)
class TenantBill:
    """A tenant's share of what a model has used."""

    tenant: str
    model: str
    requests: int
    dollars: float


def costs(
    names: Names = None,
    stage: Stage = STAGE,
    days: Annotated[int, _DAYS] = 30,
    tenants: Annotated[bool, _TENANTS] = False,
    region: Region = None,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    prices: Annotated[Path, _PRICES] = PRICES,
    json_: Json = False,
) -> None:
    """Compare the estimate of `lading plan` with what CloudWatch says was used, by model.

    The estimate is for as many requests as there were. Everything is multiplied with the prices of
    a dated file, so it is no invoice: see docs/costs.md for what is not in it.

    Examples:

        lading costs --stage prod

        lading costs digits --stage prod --days 7

        lading costs --stage prod --tenants --json
    """
    deployment, dated = load_deployment(stages, stage), read_prices(prices)
    locked = read_lock(lock)
    specs = load_manifest(manifest).select(names or ())
    served = [spec.name for spec in specs if locked.model(spec.name).versions]
    place_ = region or next(iter(deployment.settings.regions), None)
    reader = UsageReader(deployment, place_, Period.until_now(days))
    with show_steps() as show:
        show(f"read the metrics of {days} days")
        memories = {name: deployment.settings.model(name).memory_mb for name in served}
        used = reader.read(memories)
        if tenants:
            show("read the access log")
        asked = reader.tenants() if tenants else []
    share = days * 24 / MONTH_HOURS
    placements = {name: _placed(lock, name, dated, used, share) for name in served}
    parts = stage_costs(deployment, lock, placements, dated, 0.0)
    models = [_bill(lock, name, placements[name], used, dated) for name in served]
    rest = _parts(parts, used, dated, share)
    shares = _shares(asked, {each.name: each for each in models})
    if json_:
        _print_json(deployment, days, models, rest, shares)
    else:
        _print(deployment, days, models, rest, shares)


def _placed(lock: Path, name: str, prices: Prices, used: UsedStage, share: float) -> Placement:
    """Place a model for the requests that it would have had in a month at this rate."""
    requests = max(1, round(used.models[name].calls / share))
    return place(needs_of(lock, name), prices, requests)


def _bill(lock: Path, name: str, placement: Placement, used: UsedStage, prices: Prices) -> Bill:
    function = used.models[name]
    entry = read_lock(lock).model(name).versions[chosen_version(lock, name)]
    options = {each.target: each for each in placement.options}
    option = options.get(entry.target, placement.chosen)
    requests = round(function.calls)
    estimated = option.compute(prices) * function.calls
    return Bill(name, requests, estimated, function.cost(prices))


def _parts(parts: Sequence[CostPart], used: UsedStage, prices: Prices, share: float) -> list[Bill]:
    """Return the stage's other parts: what rests is the plan's, for the same days."""
    measured = used.parts(prices)
    requests = round(used.requests)
    found = []
    for part in parts:
        if part.name == "models' functions":
            continue
        rest, usage = part.rest * share, part.usage * share
        counted = measured.get(part.name)
        amount = rest + (usage if counted is None else counted)
        if rest or usage or counted:
            found.append(Bill(part.name, requests if usage else 0, rest + usage, amount))
    return found


def _shares(asked: Sequence[TenantRequests], models: Mapping[str, Bill]) -> list[TenantBill]:
    totals: dict[str, int] = {}
    for each in asked:
        totals[each.model] = totals.get(each.model, 0) + each.requests
    return [
        TenantBill(
            each.tenant,
            each.model if each.model in models else "root paths",
            each.requests,
            models[each.model].used * each.requests / totals[each.model]
            if each.model in models
            else 0.0,
        )
        for each in asked
    ]


def _print_json(
    deployment: Deployment,
    days: int,
    models: Sequence[Bill],
    parts: Sequence[Bill],
    tenants: Sequence[TenantBill],
) -> None:
    document = {
        "stage": deployment.stage,
        "days": days,
        "models": [asdict(each) for each in models],
        "parts": [asdict(each) for each in parts],
        "tenants": [asdict(each) for each in tenants],
    }
    typer.echo(json.dumps(document, indent=2))


def _print(
    deployment: Deployment,
    days: int,
    models: Sequence[Bill],
    parts: Sequence[Bill],
    tenants: Sequence[TenantBill],
) -> None:
    everything = (*models, *parts)
    total = Bill(
        "sum",
        sum(each.requests for each in models),
        sum(each.estimated for each in everything),
        sum(each.used for each in everything),
    )
    headings = ("model or part", "requests", "estimated", "used", "")
    show_table(headings, map(_cells, (*everything, total)), right=headings[1:])
    if tenants:
        typer.echo()
        rows = [
            [each.tenant or "no tenant", each.model, f"{each.requests:,}", f"${each.dollars:,.4f}"]
            for each in tenants
        ]
        show_table(("tenant", "model", "requests", "share"), rows, right=("requests", "share"))
    typer.echo(
        f"\nStage {deployment.stage}, the last {days} days. Parts that no metric counts stand as "
        "estimated. This is no invoice."
    )


def _cells(bill: Bill) -> list[str]:
    ratio = f"{bill.used / bill.estimated:.2f}x" if bill.estimated else ""
    requests = f"{bill.requests:,}" if bill.requests else ""
    return [bill.name, requests, f"${bill.estimated:,.4f}", f"${bill.used:,.4f}", ratio]
