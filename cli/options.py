"""Options that several commands share; the environment can set each of them."""

from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[
    Path, typer.Option("--manifest", envvar="LADING_MANIFEST", help="Which models there are.")
]
Lock = Annotated[
    Path, typer.Option("--lock", envvar="LADING_LOCK", help="Their versions and labels.")
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="LADING_STORE",
        help="Folder of published versions, or s3://bucket/prefix.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

EngineUrl = Annotated[
    str,
    typer.Option(
        "--engine-url",
        envvar="LADING_ENGINE_URL",
        help="A running server that speaks OpenAI's API, for language models.",
    ),
]

MANIFEST = Path("models.yaml")
LOCK = Path("models.lock.json")
STORE = "artifacts"
