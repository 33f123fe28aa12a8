"""Runs the commands of a guide, and compares what they write with what the guide shows."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.end_to_end.conftest import ROOT, command_environment


def section_of(guide: str, section: str) -> str:
    """The text of a section, which a heading of the second level ends."""
    _, _, rest = (ROOT / "docs" / guide).read_text().partition(f"{section}\n")
    return re.split(r"^## ", rest, flags=re.MULTILINE)[0]


NONE: Mapping[str, str] = MappingProxyType({})


def commands_of(guide: str) -> list[str]:
    """Each line of a guide's `sh` blocks, without its comment."""
    text = (ROOT / "docs" / guide).read_text()
    lines = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    return [line.partition(" #")[0].strip() for line in lines]


def run_guide(
    guide: str, section: str, folder: Path, port: int = 8080, variables: Mapping[str, str] = NONE
) -> None:
    """Run the `sh` blocks of a section in a folder; a `text` block below one is what it writes.

    In a `text` block any spaces fit, and `…` stands for anything. A server of the guide listens on
    `port` instead of 8080. `variables` are those of the environment.
    """
    text = section_of(guide, section).replace("8080", str(port))
    steps = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL)
    assert steps
    for script, shown in steps:
        environment = {**command_environment(), "COLUMNS": "200", **variables}
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        assert re.search(_pattern(shown), done.stdout), f"{script}\n{done.stdout}"


def _pattern(shown: str) -> str:
    pieces = [
        r"\s+".join(map(re.escape, piece.split())) for piece in re.split(r"\s*…\s*", shown.strip())
    ]
    return r"[\s\S]*?".join(pieces)
