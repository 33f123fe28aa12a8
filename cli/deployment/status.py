"""`lading status`: what of a stage is in the account, and whether it is as the lock says."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import typer

from lading.cli.commands.tokens import Region
from lading.cli.deployment.account import StackState, alarms_on, regions_of, stack_states
from lading.cli.deployment.stage import STAGE, STAGES, Stage, Stages
from lading.cli.options import LOCK, Json, Lock
from lading.cli.tables import show_table
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import Lock as LockContent
from lading.model_packaging.lock.file import read_lock
from lading.stacks.stages.settings import load_deployment


class _Region(NamedTuple):
    """A stage in one region."""

    name: str | None
    stacks: Sequence[StackState]
    alarms: Sequence[str]


def status(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Show the stacks of a stage, the version of each model beside the lock's, and alarms.

    Examples:

        lading status

        lading status --stage prod --json
    """
    deployment, content = load_deployment(stages, stage), read_lock(lock)
    names = deployment.names
    found = [
        _Region(each, stack_states(names, each), alarms_on(names, each))
        for each in regions_of(deployment.settings.regions, region)
    ]
    if json_:
        typer.echo(json.dumps({"stage": stage, "regions": [_row(each, content) for each in found]}))
        return
    for each in found:
        _show(stage, each, content)


def _locked(state: StackState, lock: LockContent) -> int | None:
    """Return the version that the lock says the stack should serve."""
    return lock.model(state.model).labels.get(DEFAULT_LABEL) if state.model else None


def _row(region: _Region, lock: LockContent) -> dict[str, Any]:
    stacks = [{**asdict(each), "locked": _locked(each, lock)} for each in region.stacks]
    return {"region": region.name, "stacks": stacks, "alarms": list(region.alarms)}


def _show(stage: str, region: _Region, lock: LockContent) -> None:
    where = f" in {region.name}" if region.name else ""
    if not region.stacks:
        typer.echo(f"stage '{stage}' is not deployed{where}; run `lading deploy --stage {stage}`")
        return
    rows = [
        (each.name, each.status, each.changed, _versions(each, lock), each.url)
        for each in region.stacks
    ]
    show_table(("stack", "status", "changed (UTC)", "model", "URL"), rows)
    for each in region.stacks:
        if each.reason and not each.status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE")):
            typer.echo(f"{each.name}: {each.reason}")
    alarms = ", ".join(region.alarms) or "none"
    typer.echo(f"alarms that are on{where}: {alarms}")


def _versions(state: StackState, lock: LockContent) -> str:
    if not state.model:
        return ""
    locked = _locked(state, lock)
    deployed = f"{state.model} {state.version}"
    if locked == state.version:
        return deployed
    return f"{deployed} (lock: {locked})" if locked else f"{deployed} (not in the lock)"
