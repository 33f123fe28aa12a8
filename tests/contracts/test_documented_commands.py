"""Every command, option and make target that a document names is there."""

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from lading.cli.commands.batch import RunsByDefault
from lading.cli.main import app
from tests.contracts.test_documents import DOCUMENTS, ROOT

GUIDES = [path for path in DOCUMENTS if path.name != "CHANGELOG.md" and path.parent.name != "adr"]
"""What is true today; the changelog and the decision records also speak of the past."""

CODE = re.compile(r"^ *```(\w*)\n(.+?)^ *```|`([^`]+)`", re.DOTALL | re.MULTILINE)


def lines_of(document: Path, program: str) -> list[list[str]]:
    """The words after `program` in each line of shell code, in blocks and in the text."""
    code = [
        block.replace("\\\n", " ") if language == "sh" else inline.replace("\n", " ")
        for language, block, inline in CODE.findall(document.read_text())
    ]
    lines = "\n".join(code).splitlines()
    found = [re.split(r"\s#|[|;&…]|\.\.\.", line)[0] for line in lines]
    return [shlex.split(line)[1:] for line in found if line.startswith(f"{program} ")]


def unknown(words: list[str]) -> list[str]:
    """The words that `lading` does not know: a command, or options of one."""
    command = get_command(app)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            if not isinstance(command, RunsByDefault):
                return words[:1]
            words = ["run", *words]
        command, words = command.commands[words[0]], words[1:]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    return sorted(options - known - {"--help"})


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_that_is_named_exists(document: Path) -> None:
    named = lines_of(document, "lading")
    assert {" ".join(words): lost for words in named if (lost := unknown(words))} == {}


@pytest.mark.parametrize("document", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = re.findall(r"^(?:\.PHONY:|FRAMEWORKS :=) (.+)$", makefile, re.MULTILINE)
    targets = {target for names in phony for target in names.split()}
    named = {word.rstrip(",") for words in lines_of(document, "make") for word in words}
    assert named <= targets


def test_a_command_that_is_not_there_is_found() -> None:
    assert unknown(["pack"]) == ["pack"]
    assert unknown(["tokens", "make"]) == ["make"]
    assert unknown(["serve", "--port", "1", "--no-such-option"]) == ["--no-such-option"]
