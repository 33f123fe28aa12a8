"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="Name of the model.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Names of models.", show_default="all models")
]
Manifest = Annotated[
    Path, typer.Option("--manifest", envvar="LADING_MANIFEST", help="File that lists the models.")
]
Lock = Annotated[
    Path, typer.Option("--lock", envvar="LADING_LOCK", help="File of versions and labels.")
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="LADING_STORE",
        help="Folder of published versions, or s3://bucket/prefix.",
    ),
]
Token = Annotated[
    str | None, typer.Option("--token", envvar="LADING_TOKEN", help="Bearer token for the API.")
]
Sign = Annotated[
    bool,
    typer.Option(
        "--sign", help="Sign with AWS credentials, even if the URL is a domain of your own."
    ),
]
EngineUrl = Annotated[
    str,
    typer.Option(
        "--engine-url",
        envvar="LADING_ENGINE_URL",
        help="URL of a running server that speaks OpenAI's API, for language models.",
        show_default="none",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output.")]

MANIFEST = Path("models.yaml")
LOCK = Path("models.lock.json")
STORE = "artifacts"
