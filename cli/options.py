"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from lading.api import locked

Name = Annotated[str, typer.Argument(help="Name of the model.")]
Names = Annotated[list[str] | None, typer.Argument(show_default="all models")]
Manifest = Annotated[Path, typer.Option(envvar="LADING_MANIFEST", help="File of the models.")]
Lock = Annotated[Path, typer.Option(envvar="LADING_LOCK", help="File of versions and labels.")]
Store = Annotated[str, typer.Option(envvar="LADING_STORE", help="Folder, or s3://bucket/prefix.")]
Token = Annotated[str | None, typer.Option(envvar="LADING_TOKEN", help="Bearer token of the API.")]
Sign = Annotated[bool, typer.Option("--sign", help="Sign with AWS credentials, for any URL.")]
EngineUrl = Annotated[
    str, typer.Option(envvar="LADING_ENGINE_URL", help="Running server with OpenAI's API, if any.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output.")]

MANIFEST = Path("models.yaml")
LOCK, STORE = locked.LOCK, locked.STORE
