"""Writes the workflows for GitHub Actions into a project: `lading init --ci github`."""

import json
from pathlib import Path

import typer

from lading.cli.errors import Unwritable, WorkflowThere
from lading.stacks.delivery.steps import workflow_files


def write_workflows(folder: Path) -> list[Path]:
    """Write the workflows that review, deploy and promote a project's models; return their paths.

    A file that already has this content stays. Nothing is written if one has another content.

    Args:
        folder: the root of the project's repository.

    Raises:
        WorkflowThere: a file of the same name has another content.
        Unwritable: a file cannot be written.
    """
    wanted = {folder / name: text for name, text in workflow_files().items()}
    for path, text in wanted.items():
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise WorkflowThere(path)
    for path, text in wanted.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Unwritable(path, error) from error
    return list(wanted)


def add_workflows(folder: Path, *, dry_run: bool, as_json: bool) -> None:
    """Write the workflows into a project that exists, and say which files they are.

    Args:
        folder: the root of the project's repository.
        dry_run: print their names only.
        as_json: print one JSON document.

    Raises:
        WorkflowThere: a file of the same name has another content.
        Unwritable: a file cannot be written.
    """
    names = list(workflow_files())
    if not dry_run:
        write_workflows(folder)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "written": names, "dry_run": dry_run}))
        return
    typer.echo("\n".join(names))
    typer.echo("docs/delivery.md says which roles and variables they need", err=True)
