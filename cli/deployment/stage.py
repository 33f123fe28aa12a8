"""Options and settings of the commands that deploy a stage and look after it."""

from pathlib import Path
from typing import Annotated

import typer

from lading.cli.commands.tokens import STAGE, STAGES, Stages
from lading.stacks.errors import SettingsError
from lading.stacks.stages.settings import Deployment, load_deployment

Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of stages.yaml.")]
Context = Annotated[
    list[str] | None, typer.Option("--context", "-c", help="KEY=VALUE for app.py; repeat for more.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

__all__ = ["STAGE", "STAGES", "Context", "Stage", "Stages", "Yes", "read_stage"]


def read_stage(stages: Path, stage: str) -> Deployment:
    """Return a stage's settings.

    Raises:
        BadParameter: the file is not valid, or has no such stage.
    """
    try:
        return load_deployment(stages, stage)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
