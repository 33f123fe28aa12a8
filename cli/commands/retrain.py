"""`lading retrain`: train a model again, and apply what a retraining found to the lock."""

import json
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lading.api.progress import show_steps
from lading.api.training import package_run, recipe_of
from lading.cli.aws.retraining import Execution, RetrainingMachine
from lading.cli.commands.tokens import STAGE, STAGES, Region, Stage, Stages
from lading.cli.errors import NothingToApply
from lading.cli.foreseen_training import show_foreseen
from lading.cli.lock_edits import NOTHING_WRITTEN, label_line, show_edit
from lading.cli.options import LOCK, MANIFEST, STORE, Json, Lock, Manifest, Store
from lading.cli.script_output import follow
from lading.cli.tables import show_table
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.lock.labels import moved_label
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.store.versions import open_store
from lading.stacks.stages.settings import load_deployment
from lading.training.evaluation import settings_of
from lading.training.local import train_here
from lading.training.retraining.apply import apply_event
from lading.training.retraining.comparing import champion_of, compared
from lading.training.retraining.event import RetrainedVersion, read_event
from lading.training.s3 import S3Objects

_SHOWN = 10

Named = Annotated[str | None, typer.Argument(help="Name of the model.")]
_ON = typer.Option(help="Where to train: the deployed state machine, or this machine.")
_STATUS = typer.Option("--status", help="List the last retrainings in the cloud.")
_APPLY = typer.Option(metavar="EVENT", help="File with the event of a retraining.")
_LABEL = typer.Option(help="The label to set.", show_default="the one that the event proposes")
_DRY = typer.Option("--dry-run", help="Say what would be trained or changed; write nothing.")


def retrain(
    name: Named = None,
    on: Annotated[Literal["aws", "here"], _ON] = "here",
    status: Annotated[bool, _STATUS] = False,
    apply: Annotated[Path | None, _APPLY] = None,
    label: Annotated[str | None, _LABEL] = None,
    dry_run: Annotated[bool, _DRY] = False,
    region: Region = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """Train a model again, compare it with the version that serves, and propose a label.

    The new version gets no label. With --json, the output is the event of the retraining; --apply
    enters its version in the lock, with the label that it proposes. In the cloud, the state
    machine of the model's stack does the same; a second start while one runs is refused.

    Examples:

        lading retrain churn --json > event.json

        lading retrain churn --on aws --stage prod --json > event.json

        lading retrain churn --status --stage prod

        lading retrain churn --dry-run

        lading retrain --apply event.json --dry-run
    """
    if (name is None) == (apply is None):
        raise typer.BadParameter("give either the name of a model, or --apply with an event")
    if apply is not None:
        _apply(read_event(apply), lock, label, dry_run=dry_run, as_json=json_)
        return
    assert name is not None
    (spec,) = load_manifest(manifest).select([name])
    if status or on == "aws":
        machine = _machine(name, stages, stage, region)
        if status:
            _show_status(machine.latest(_SHOWN), as_json=json_)
        elif dry_run:
            _show_start(machine, as_json=json_)
        else:
            _show_ended(name, _run_there(machine), as_json=json_)
        return
    settings_of(spec)  # before anything is trained
    spec = replace(spec, labels=())
    if dry_run:
        how = f"by {recipe_of(spec).train.entry.name} on this machine"
        show_foreseen(spec, how, lock, store, as_json=json_)
        return
    _show(_retrain_here(spec, lock, store), as_json=json_)


def _machine(name: str, stages: Path, stage: str, region: str | None) -> RetrainingMachine:
    deployment = load_deployment(stages, stage)
    wanted = region or next(iter(deployment.settings.regions), None)
    return RetrainingMachine(deployment.names.retraining_stack(name), name, wanted)


def _run_there(machine: RetrainingMachine) -> Execution:
    with ExitStack() as stack:
        show = stack.enter_context(show_steps())
        return machine.follow(machine.start(), show)


def _show_start(machine: RetrainingMachine, *, as_json: bool) -> None:
    """Print which state machine `--on aws` would start; AWS is asked whether it is there."""
    machine.latest(1)
    if as_json:
        document = {"model": machine.model, "dry_run": True, "stack": machine.stack}
        typer.echo(json.dumps(document))
        return
    typer.echo(f"{machine.model} would be trained by the state machine of stack {machine.stack}")
    typer.echo(NOTHING_WRITTEN, err=True)


def _retrain_here(spec: ModelSpec, lock: Path, store: str) -> RetrainedVersion:
    """Train, package without a label, and compare."""
    champion = champion_of(spec, read_lock(lock))
    run = train_here(recipe_of(spec), S3Objects(spec.place("train")), follow())
    packaged = package_run(spec, run, open_store(store), lock)
    return compared(spec, champion, packaged.version, lock, read_lock(lock))


def _show_ended(name: str, ended: Execution, *, as_json: bool) -> None:
    output = dict(ended.output or {})
    if "unchanged" not in output:
        _show(RetrainedVersion.model_validate(output), as_json=as_json)
    elif as_json:
        typer.echo(json.dumps({"model": name, **output}, indent=2))
    else:
        typer.echo(f"{name}: {ended.outcome}; nothing was trained")


def _show(event: RetrainedVersion, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(event.model_dump(mode="json"), indent=2))
        return
    headings = ("metric", f"version {event.against}", f"version {event.version}", "drop")
    if event.comparison:
        show_table(headings, [_cells(dict(each)) for each in event.comparison])
    proposed = f"proposed label: {event.label}" if event.label else "no label is proposed"
    typer.echo(f"{event.model} version {event.version}, {proposed}; {event.reason}")


def _cells(metric: dict[str, Any]) -> list[str]:
    values = (metric["before"], metric["after"], metric["drop"])
    return [str(metric["metric"]), *("" if each is None else f"{each:.4f}" for each in values)]


def _show_status(executions: list[Execution], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in executions], indent=2, default=str))
        return
    rows = [
        [f"{each.started:%Y-%m-%d %H:%M:%S}", each.status.lower(), each.outcome]
        for each in executions
    ]
    show_table(("started", "status", "outcome"), rows)


def _apply(
    event: RetrainedVersion, lock: Path, label: str | None, *, dry_run: bool, as_json: bool
) -> None:
    wanted = label or event.label
    if wanted is None:
        raise NothingToApply(event.model, event.version)
    edit = apply_event(event, lock, wanted, write=not dry_run)
    moved = moved_label(edit, event.model, wanted)
    advice = ", then run `lading deploy` to serve it"
    show_edit(edit, (label_line(moved), advice), asdict(moved), dry_run=dry_run, as_json=as_json)
