"""`lading destroy`: delete the stacks of a stage."""

import json
import sys
from time import monotonic
from typing import Annotated

import typer

from lading.api.progress import show_steps
from lading.cli.deployment.account import identity
from lading.cli.deployment.cdk import ProjectCdk
from lading.cli.deployment.events import Event
from lading.cli.deployment.stage import STAGE, STAGES, Context, Stage, Stages, Yes
from lading.cli.errors import CliError
from lading.cli.options import Json
from lading.cli.quantities import seconds_text
from lading.stacks.stages.settings import load_deployment

_DRY = typer.Option("--dry-run", help="Say what would be deleted; delete nothing.")
_STAYS = (
    "The buckets and the key of the artifacts and the table of tokens stay, with their content;"
    " `docs/deploy.md` says how to delete them."
)


def destroy(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    context: Context = None,
    yes: Yes = False,
    dry_run: Annotated[bool, _DRY] = False,
    json_: Json = False,
) -> None:
    """Delete the stacks of a stage: its API, its functions, its endpoints, its alarms.

    It asks for the name of the stage, unless you give --yes. Artifacts, tokens and the key that
    encrypts them stay. A stage called prod is protected until you lift that in AWS. A model that
    has left the manifest keeps its stack: `lading stacks` names it.

    Examples:

        lading destroy

        lading destroy --stage staging --dry-run

        lading destroy --stage staging --yes
    """
    deployment = load_deployment(stages, stage)
    regions = deployment.settings.regions
    who = identity(regions[0] if regions else None)
    where = f"account {who.account}, {', '.join(regions) or who.region}"
    if dry_run:
        _preview(stage, where, as_json=json_)
        return
    if not yes:
        _confirm(stage, where)
    began = monotonic()
    with show_steps() as show:

        def on_event(event: Event) -> None:
            if event.ended or event.failed:
                show(str(event))

        cdk = ProjectCdk(stages.parent, [f"stage={stage}", *(context or ())], show)
        show(f"delete the stacks of stage '{stage}' in {where}")
        cdk.run("destroy", "--all", "--force", "--progress", "events", on_event=on_event)
        show("")
    seconds = monotonic() - began
    if json_:
        typer.echo(json.dumps({"stage": stage, "seconds": round(seconds, 1)}))
    else:
        typer.echo(f"stage '{stage}' is deleted in {where} after {seconds_text(seconds)}\n{_STAYS}")


def _preview(stage: str, where: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"stage": stage, "where": where, "deleted": False}))
        return
    typer.echo(f"would delete the stacks of stage '{stage}' in {where}\n{_STAYS}")
    typer.echo("nothing was deleted; run the command without --dry-run to delete them", err=True)


def _confirm(stage: str, where: str) -> None:
    """Have the user write the name of the stage.

    Raises:
        CliError: nobody can be asked, or the answer is another one.
    """
    if not sys.stdin.isatty():
        raise CliError(f"would delete stage '{stage}' in {where}; give --yes to do that")
    question = f"This deletes stage '{stage}' in {where}. Write its name to go on"
    if typer.prompt(question, err=True) != stage:
        raise CliError("that is not the name of the stage; nothing was deleted")
