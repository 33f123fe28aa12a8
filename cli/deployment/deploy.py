"""`lading deploy`: the stacks of a stage, into an AWS account."""

import json
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from lading.api.errors import NothingLocked
from lading.api.progress import OnStep, show_steps
from lading.cli.deployment.account import Identity, identity
from lading.cli.deployment.cdk import ProjectCdk
from lading.cli.deployment.events import Event
from lading.cli.deployment.stage import STAGE, STAGES, Context, Stage, Stages
from lading.cli.options import LOCK, Json, Lock
from lading.cli.quantities import seconds_text
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import read_lock
from lading.stacks.stages.settings import load_deployment

_DRY = typer.Option("--dry-run", help="Show what would change; change nothing.")
_BOOTSTRAP = typer.Option("--bootstrap", help="Prepare account and region first; needed once.")
_VERBOSE = typer.Option("--verbose", "-v", help="Show the start of each change too.")


def deploy(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    context: Context = None,
    bootstrap: Annotated[bool, _BOOTSTRAP] = False,
    dry_run: Annotated[bool, _DRY] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    json_: Json = False,
) -> None:
    """Deploy the packaged models of this project: artifacts, a stack for each model, one API.

    It runs the CDK's command in the version that Lading pins, on the Node of this system (22 or
    newer), or else on one that it installs. Each resource is a line when it is done. The CDK's own
    output is in .lading/deploy/cdk.log. When a deployment is rolled back, the command fails with
    the reason.

    Examples:

        lading deploy --bootstrap

        lading deploy --stage prod --dry-run

        lading deploy --stage prod --json
    """
    if bootstrap and dry_run:
        raise typer.BadParameter("--bootstrap changes the account; give it without --dry-run")
    deployment = load_deployment(stages, stage)
    models = _stable(lock)
    began = monotonic()
    with show_steps() as show:
        cdk = ProjectCdk(stages.parent, [f"stage={stage}", *(context or ())], show)
        show("credentials")
        regions = deployment.settings.regions
        who = identity(regions[0] if regions else None)
        show(f"stage '{stage}' into account {who.account}, {', '.join(regions) or who.region}")
        if bootstrap:
            for region in regions or (who.region,):
                show(f"prepare {who.account}/{region}")
                cdk.run("bootstrap", f"aws://{who.account}/{region}")
        if dry_run:
            show("compare with the account")
            changes = cdk.run("diff", "--all")
        else:
            outputs = _deploy(cdk, show, verbose=verbose)
        show("")
    if dry_run:
        typer.echo(json.dumps({"diff": changes}) if json_ else changes)
        return
    seconds = monotonic() - began
    if json_:
        found = {"stage": stage, "account": who.account, "models": models, "outputs": outputs}
        typer.echo(json.dumps({**found, "seconds": round(seconds, 1)}))
    else:
        typer.echo(_told(stage, models, outputs, who, seconds))


def _stable(lock: Path) -> dict[str, int]:
    """Return the version of each model that will be deployed.

    Raises:
        NothingLocked: there is none.
    """
    labels = {name: model.labels for name, model in read_lock(lock).root.items()}
    found = {name: each[DEFAULT_LABEL] for name, each in labels.items() if DEFAULT_LABEL in each}
    if not found:
        raise NothingLocked(lock, f"version labeled '{DEFAULT_LABEL}'")
    return found


def _deploy(cdk: ProjectCdk, show: OnStep, *, verbose: bool) -> Mapping[str, Mapping[str, str]]:
    """Deploy every stack, and return the outputs of each."""

    def on_event(event: Event) -> None:
        if verbose or event.ended or event.failed:
            show(str(event))

    show("build the code and the templates")
    cdk.outputs.unlink(missing_ok=True)
    options = ("--require-approval", "never", "--progress", "events")
    outputs = ("--outputs-file", str(cdk.outputs.resolve()))
    cdk.run("deploy", "--all", *options, *outputs, on_event=on_event)
    found: Mapping[str, Mapping[str, str]] = json.loads(cdk.outputs.read_text())
    return found


def _told(
    stage: str,
    models: Mapping[str, int],
    outputs: Mapping[str, Mapping[str, str]],
    who: Identity,
    seconds: float,
) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in models.items())
    lines = [f"stage '{stage}' is deployed to {who.account} in {seconds_text(seconds)}: {listed}"]
    urls = [each["ApiUrl"] for each in outputs.values() if "ApiUrl" in each]
    lines += [f"  {url.rstrip('/')}/{name}/predict" for url in urls for name in models]
    lines += ["Next:", *(f"  lading smoke --url {url.rstrip('/')}" for url in urls)]
    return "\n".join([*lines, f"  lading status --stage {stage}"])
