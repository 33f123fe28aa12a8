import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from lading.cli.errors import EXIT
from lading.cli.main import app
from lading.functions.contract.names import VERSION
from tests.cli.conftest import Lading

COMMANDS = (
    "package",
    "plan",
    "serve",
    "predict",
    "versions",
    "label",
    "pull",
    "push",
    "smoke",
    "emulate",
)
ONLY_JSON = {"lading sbom"}
"""Commands that print nothing else, and need no option for it."""
WRITERS = (
    *("init", "package", "train", "retrain", "distill", "recover", "label", "promote", "rollback"),
    *("retire", "sign", "push", "pull", "deploy", "destroy", "tokens create", "tokens revoke"),
    *("watch", "report", "batch run"),
)
"""Commands that change a store, an account, or files whose names the user need not give."""


def each_command(group: Any = None, path: str = "lading") -> Iterator[tuple[str, Any]]:
    """Each command with its path, those of groups too."""
    commands: Any = group or get_command(app)
    for name, command in commands.commands.items():
        if isinstance(command, TyperGroup):
            yield from each_command(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def options_of(command: Any) -> set[str]:
    return {option for each in command.params for option in each.opts}


def test_without_a_command_it_shows_help(lading: Lading) -> None:
    result = lading()
    for command in COMMANDS:
        assert command in result.out + result.err


@pytest.mark.parametrize(
    ("path", "command"), [*each_command()], ids=[path for path, _ in each_command()]
)
def test_help_of_each_command_has_one_clear_sentence_and_examples(path: str, command: Any) -> None:
    first, _, rest = command.help.partition("\n")
    assert first.endswith(".")
    examples = rest[rest.index("Example") :]
    assert f"    {path.removesuffix(' run')} " in f"{examples} "
    assert ("--json" in options_of(command)) == (path not in ONLY_JSON)


def test_help_is_shown_with_the_examples(lading: Lading) -> None:
    out = lading("package", "--help").out
    assert "Examples" in out
    assert "lading package --dry-run" in out


def test_what_writes_can_say_first_what_it_would_write() -> None:
    known = dict(each_command())
    without = [name for name in WRITERS if "--dry-run" not in options_of(known[f"lading {name}"])]
    assert not without


def test_the_installed_command_tells_its_version() -> None:
    command = [sys.executable, "-c", "from lading.cli.main import main; main()", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        f"{VERSION}\n"
    )


def imported(*words: str) -> set[str]:
    """The modules that a call of the command has imported at its end."""
    code = (
        "import sys\nfrom lading.cli.main import main\n"
        "try:\n    main()\nfinally:\n    print('imported', *sys.modules)"
    )
    command = [sys.executable, "-c", code, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(ended.stdout.rpartition("imported ")[2].split())


def test_a_command_imports_no_other() -> None:
    found = imported("label", "--help")
    assert "lading.cli.versions.label" in found
    assert not {"lading.cli.commands.serve", "lading.cli.versions.diff", "onnx"} & found


def test_the_version_needs_none_of_the_libraries() -> None:
    assert not {"numpy", "pydantic", "onnxruntime", "yaml"} & imported("--version")


def test_the_module_runs_as_the_command() -> None:
    command = [sys.executable, "-m", "lading.cli.main", "versions", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage: lading versions" in ended.stdout


BASH_COMPLETES = """\
eval "$(lading --show-completion)"
COMP_WORDS=(lading {words}) COMP_CWORD={at}
_lading_completion lading
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "completed"), [(("pa",), ["package"]), (("label", "--rem"), ["--remove"])]
)
def test_bash_completes_commands_and_options(words: tuple[str, ...], completed: list[str]) -> None:
    script = BASH_COMPLETES.format(words=" ".join(words), at=len(words))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = ["bash", "--norc", "-c", script]
    ended = subprocess.run(
        shell, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == completed
    assert not ended.stderr


def test_help_says_how_to_switch_completion_on_and_lists_no_option_for_it(lading: Lading) -> None:
    options, _, rest = lading("--help").out.partition("Commands")
    assert "completion" not in options
    assert "lading --install-completion" in rest


@pytest.mark.parametrize(
    "words",
    [
        ("package", "--fast"),
        ("pack",),
        ("predict", "double", "--url", "http://localhost"),
        ("serve", "--port", "x"),
    ],
)
def test_a_bad_call_costs_one_line(lading: Lading, words: tuple[str, ...]) -> None:
    result = lading(*words)
    assert result.code == EXIT.usage
    assert result.err.count("\n") == 1
    assert "--help" in result.err


@pytest.mark.parametrize("command", ["costs", "watch", "stacks", "status"])
def test_a_wrong_stages_yaml_costs_one_line_with_its_place_and_code(
    lading: Lading, workspace: Path, command: str
) -> None:
    (workspace / "stages.yaml").write_text("stages:\n  dev:\n    rollouts: linear\n")
    result = lading(command)
    assert result.err == "error: stages.yaml:3: stages.dev.rollouts: unknown key [settings-error]\n"
    assert result.code == EXIT.usage
