"""The workflows of a delivery: files for GitHub Actions, whose commands CodePipeline runs too."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).with_name("workflows")


def workflow_files() -> dict[str, str]:
    """Return the text of each workflow, by its path below a repository's root."""
    return {
        f".github/workflows/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted(_FOLDER.glob("*.yml"))
    }


def commands(workflow: str, job: str, *steps: str) -> list[str]:
    """Return the shell text of a job's steps with these names, in this order.

    Args:
        workflow: the file's name without its ending, such as `lading-stage`.
        job: the job's key.
        steps: names of steps that run a command.

    Raises:
        KeyError: there is no such job or step.
    """
    found = dict(_steps(workflow, job))
    return [found[name] for name in steps]


def _steps(workflow: str, job: str) -> Iterator[tuple[str, str]]:
    for step in _read(workflow)["jobs"][job]["steps"]:
        if "run" in step:
            yield step["name"], step["run"].rstrip("\n")


@cache
def _read(workflow: str) -> Any:
    return yaml.safe_load((_FOLDER / f"{workflow}.yml").read_text(encoding="utf-8"))
