"""The git commands of docs/updating.md bring a newer Lading into a clone and keep its own files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONCE, EACH_TIME, *_ = re.findall(
    r"```sh\n(.+?)```", (ROOT / "docs/updating.md").read_text(), re.DOTALL
)
OWN = ("models.yaml", "models.lock.json", "stages.yaml")


def run(folder: Path, script: str) -> None:
    subprocess.run(["bash", "-euc", script], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    identity = "-c user.name=Team -c user.email=team@example.com"
    run(folder, f"git add --all && git {identity} commit --quiet --message change")


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A repository with the files that a team makes its own."""
    folder = tmp_path / "original"
    folder.mkdir()
    run(folder, "git init --quiet --initial-branch main")
    commit(folder, **{"models.yaml": "models: {digits: {}}\n", "app.py": "print(1)\n"})
    return folder


def test_an_update_brings_the_new_code_and_keeps_the_teams_files(original: Path) -> None:
    clone = original.parent / "clone"
    run(original, f"git clone --quiet . {clone}")
    run(clone, "git config user.name Team && git config user.email team@example.com")
    commit(clone, **dict.fromkeys(OWN, "models: {churn: {}}\n"))
    commit(original, **{"app.py": "print(2)\n"}, **dict.fromkeys(OWN, "models: {example: {}}\n"))

    run(clone, re.sub(r"https://\S+", str(original), ONCE))
    run(clone, EACH_TIME)

    assert (clone / "app.py").read_text() == "print(2)\n"
    assert {(clone / name).read_text() for name in OWN} == {"models: {churn: {}}\n"}
