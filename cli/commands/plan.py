"""`lading plan`: where each model fits, why, and what it costs."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli.commands.tokens import STAGES, Stages
from lading.cli.cost_changes import Month, Project, cost_changes, show_changes
from lading.cli.energy import EnergyFile, estimator_of
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest, Names
from lading.cli.placements import placements_of
from lading.cli.stage_costs import show_stage, stage_costs
from lading.cli.tables import show_table
from lading.functions.contract.limits import GATEWAY
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.placement.options import MILLION, MONTH_HOURS, Option
from lading.model_packaging.placement.prices import PRICES, Prices, read_prices
from lading.model_packaging.placement.stage_costs import CostPart
from lading.model_packaging.placement.targets import Placement
from lading.model_packaging.sizes import rounded
from lading.stacks.stages.settings import load_deployment

_PRICES = typer.Option(
    envvar="LADING_PRICES", help="YAML file of AWS's prices.", show_default="Lading's own"
)
_STAGE = typer.Option(envvar="LADING_STAGE", help="Stage of stages.yaml whose parts to count.")
_ROOT = typer.Option("--root-share", min=0, max=1, help="Share of requests to root paths.")
_AGAINST = typer.Option(
    metavar="FOLDER", help="Another checkout of the project: show what changes since then."
)
_REQUESTS = typer.Option("--requests-per-month", min=1, max=10**15, help="Requests of each model.")


def plan(
    names: Names = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    prices: Annotated[Path, _PRICES] = PRICES,
    energy: EnergyFile = ENERGY,
    requests: Annotated[int, _REQUESTS] = MILLION,
    stage: Annotated[str | None, _STAGE] = None,
    stages: Stages = STAGES,
    root_share: Annotated[float, _ROOT] = 0.0,
    against: Annotated[Path | None, _AGAINST] = None,
    json_: Json = False,
) -> None:
    """Compare Lambda, Lambda Managed Instances and SageMaker for each packaged model.

    The estimate uses what was measured when the model was packaged, and the prices of a dated file.
    With --stage it also shows what that stage costs in a month, by part, at rest and in use. With
    --against it compares the month with that of another checkout, such as the target branch's.

    Examples:

        lading plan

        lading plan digits --requests-per-month 50000000

        lading plan --stage prod --requests-per-month 3000000

        lading plan --prices prices-eu.yaml --json

        lading plan --stage prod --against ../main
    """
    dated = read_prices(prices)
    if against is not None:
        here = Project(manifest, lock, stages)
        month = Month(requests, stage or "", root_share)
        show_changes(cost_changes(here.at(against), here, dated, month), month, as_json=json_)
        return
    estimator = estimator_of(energy, dated.region)
    specs = load_manifest(manifest).select(names or ())
    placements = placements_of(specs, lock, dated, requests)
    costs: tuple[CostPart, ...] = ()
    if stage:
        deployment = load_deployment(stages, stage)
        costs = stage_costs(deployment, lock, placements, dated, root_share)
    if json_:
        plans = [(spec.target, placements[spec.name]) for spec in specs]
        documents = [_document(target, each, dated, estimator) for target, each in plans]
        head = {"region": dated.region, "prices_as_of": str(dated.as_of), "requests": requests}
        parts = {"stage": [asdict(part) for part in costs]} if stage else {}
        typer.echo(json.dumps({**head, "models": documents, **parts}, indent=2))
    elif not specs:
        typer.echo(f"{manifest} lists no models yet; add one below `models:`")
    else:
        _show(placements, dated, estimator, requests)
        if stage:
            show_stage(stage, costs)


def _document(
    target: str, placement: Placement, prices: Prices, estimator: Estimator
) -> dict[str, Any]:
    energies = {option: estimator.of_a_million(option, prices) for option in placement.options}
    return {
        "model": placement.name,
        "target": target,
        "fits": placement.chosen.target,
        "size": placement.chosen.size,
        "why": placement.why,
        "options": [
            {**option.to_json(), "energy_per_million": energy and energy.to_json()}
            for option, energy in energies.items()
        ],
        "refused": dict(placement.refused),
        "break_even_requests_a_month": dict(placement.break_even),
    }


def _show(
    placements: Mapping[str, Placement], prices: Prices, estimator: Estimator, requests: int
) -> None:
    headings = ("model", "fits", "size", "latency", "first answer", "a million", "at rest, a month")
    rows = [
        _cells(placement, option)
        for placement in placements.values()
        for option in placement.options
    ]
    show_table(headings, rows, right=headings[3:])
    typer.echo()
    for placement in placements.values():
        typer.echo(
            f"{placement.name}: {placement.chosen.target}, {placement.why}{_even(placement)}"
        )
    _show_energy(placements, prices, estimator)
    typer.echo(
        f"\nEstimates for {requests:,} requests a month, with prices of {prices.region} as of "
        f"{prices.as_of} and measurements of the machine that packaged."
    )


def _show_energy(placements: Mapping[str, Placement], prices: Prices, estimator: Estimator) -> None:
    """Show what a million predictions of each model need where it fits best."""
    typer.echo("\nEnergy of a million predictions, a rough estimate (docs/energy.md):")
    for name, placement in placements.items():
        found = estimator.of_a_million(placement.chosen, prices)
        typer.echo(f"{name}: {'unknown' if found is None else found}")


def _cells(placement: Placement, option: Option) -> list[str]:
    chosen = option is placement.chosen
    count = f"{option.instances} x " if option.instances > 1 else ""
    return [
        placement.name if chosen else "",
        option.target if chosen else f"or {option.target}",
        f"{count}{option.size}",
        _milliseconds(option.answers_ms),
        _milliseconds(option.first_ms) if option.target == "lambda" else "always on",
        *_prices(option),
    ]


def _prices(option: Option) -> tuple[str, str]:
    if not option.priced:
        return "not known", "not known"
    return f"${option.per_million:,.2f}", f"${option.at_rest:,.2f}"


def _milliseconds(time: float | None) -> str:
    return "" if time is None else f"{time:,.1f} ms"


def _even(placement: Placement) -> str:
    """Return from which rates on the other places cost less than Lambda."""
    return "".join(
        f"; {_rate(target, requests)}" for target, requests in placement.break_even.items()
    )


def _rate(target: str, requests: int) -> str:
    """Return the rate from which a target costs less; none that an API reaches is never."""
    a_second = requests / (MONTH_HOURS * 3600)
    if a_second > GATEWAY.requests_a_second:
        return f"{target} never costs less"
    return (
        f"{target} costs less from {rounded(requests)} requests a month ({a_second:,.1f} a second)"
    )
