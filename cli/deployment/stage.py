"""Options of the commands that deploy a stage and look after it."""

from typing import Annotated

import typer

from lading.cli.commands.tokens import STAGE, STAGES, Stages

Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of stages.yaml.")]
Context = Annotated[
    list[str] | None, typer.Option("--context", "-c", help="KEY=VALUE for app.py; repeat for more.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

__all__ = ["STAGE", "STAGES", "Context", "Stage", "Stages", "Yes"]
