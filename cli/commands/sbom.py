"""`lading sbom`: what is in a version, in Lambda's layer, or in the container."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.locked import chosen_version
from lading.cli.options import LOCK, Lock
from lading.cli.settings import colors
from lading.emulator.checkout import packaged_file
from lading.model_packaging.inventory.cyclonedx import bill_of_artifact, bill_of_packages
from lading.model_packaging.inventory.packages import read_locked, with_license
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.store.transfer import read_nearest

_BUILT = {
    "layer": ("requirements/lambda.txt",),
    "container": (
        "requirements/container.txt",
        "requirements/pillow.txt",
        "requirements/tokenizers.txt",
    ),
}
"""What is built of locked packages; the container as its Dockerfile has it."""

_NAME = typer.Argument(help="Name of the model.", show_default=False)
_VERSION = typer.Option(help="Version of the model.", show_default="the stable one")
_LAYER = typer.Option("--layer", help="Of Lambda's runtime layer.")
_CONTAINER = typer.Option("--container", help="Of the container.")


def sbom(
    name: Annotated[str | None, _NAME] = None,
    version: Annotated[int | None, _VERSION] = None,
    layer: Annotated[bool, _LAYER] = False,
    container: Annotated[bool, _CONTAINER] = False,
    lock: Lock = LOCK,
) -> None:
    """Print a software bill of materials, as CycloneDX 1.6 in JSON.

    A version's bill has its files with their digests, and the tools that made it. Those of the
    layer and the container have the locked packages with their files' digests. Licenses are those
    of packages that are installed here in the same version.

    Examples:

        lading sbom digits

        lading sbom --layer > layer.cdx.json

        lading sbom --container > container.cdx.json
    """
    if [name is not None, layer, container].count(True) != 1:
        raise typer.BadParameter("name a model, or --layer, or --container")
    if name is not None:
        document = _of_version(name, version, lock)
    else:
        built = "layer" if layer else "container"
        packages = [with_license(each) for each in read_locked(*map(packaged_file, _BUILT[built]))]
        unknown = [each.name for each in packages if not (each.expression or each.licenses)]
        if unknown:
            text = f"the license is unknown here of {', '.join(unknown)}"
            typer.secho(f"warning: {text}", err=True, fg="yellow", color=colors())
        document = bill_of_packages(built, packages)
    typer.echo(json.dumps(document, indent=2))


def _of_version(name: str, version: int | None, lock: Path) -> dict[str, Any]:
    number = chosen_version(lock, name, version)
    entry = read_lock(lock).model(name).versions[number]
    published = read_nearest(name, number, entry, lock)
    content = json.loads(published.files["artifact.json"])
    return bill_of_artifact(number, entry.digest, content)
