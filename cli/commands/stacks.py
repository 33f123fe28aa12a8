"""`lading stacks`: the deployed stacks of a stage's models, and those whose model is gone."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from lading.cli.aws.model_stacks import DeployedStack, model_stacks
from lading.cli.commands.tokens import STAGE, STAGES, Region, Stages
from lading.cli.options import MANIFEST, Json, Manifest
from lading.cli.tables import show_table
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.stages.settings import Deployment, load_deployment

Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of the stacks.")]

_DELETED = "DELETE_IN_PROGRESS"


def stacks(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    region: Region = None,
    json_: Json = False,
) -> None:
    """List the stacks of models in the account, and how to delete those whose model is gone.

    A model that has left the manifest keeps its stack, and an endpoint on SageMaker its instances,
    until the stack is deleted. `cdk destroy` does not find such a stack. To look in a region that
    has left the stage, use `--region`.

    Examples:

        lading stacks

        lading stacks --stage prod --json
    """
    deployment = load_deployment(stages, stage)
    wanted = {deployment.names.model_stack(name) for name in load_manifest(manifest).models}
    found = _found(deployment, region)
    gone = [each for each in found if _gone(each, wanted, deployment.settings.regions)]
    if json_:
        typer.echo(json.dumps([_row(each, gone) for each in found], indent=2))
        return
    _show(found, gone)
    if gone:
        typer.echo(f"\ndeploy stage '{stage}', so that its API no longer calls them; then run:\n")
        typer.echo("\n".join(each.removal for each in gone))


def _found(deployment: Deployment, region: str | None) -> list[DeployedStack]:
    """Return the stacks in one region, or in all of the stage."""
    regions: Sequence[str | None] = [region] if region else deployment.settings.regions or [None]
    return [stack for each in regions for stack in model_stacks(deployment.names, each)]


def _gone(stack: DeployedStack, wanted: set[str], regions: Sequence[str]) -> bool:
    """Return whether the model has left the manifest, or its region the stage."""
    left = stack.name not in wanted or bool(regions and stack.region not in regions)
    return left and stack.status != _DELETED


def _row(stack: DeployedStack, gone: Sequence[DeployedStack]) -> dict[str, str | None]:
    return {**asdict(stack), "remove": stack.removal if stack in gone else None}


def _show(found: Sequence[DeployedStack], gone: Sequence[DeployedStack]) -> None:
    if not found:
        typer.echo("no model of this stage is deployed")
        return
    rows = [
        (it.name, it.region, it.model, it.status, "no" if it in gone else "yes") for it in found
    ]
    show_table(("stack", "region", "model", "status", "in the project"), rows)
