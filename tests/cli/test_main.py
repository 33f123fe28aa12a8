import subprocess
import sys

import pytest

from cli.errors import EXIT, CliError
from cli.reports import exit_code
from functions.inference.contract import VERSION
from functions.inference.errors import InferenceError
from model_packaging.errors import PackagingError
from tests.cli.conftest import Lading

COMMANDS = ("package", "plan", "serve", "predict", "versions", "label", "pull", "push", "smoke")


def every_subclass(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(each for child in root.__subclasses__() for each in every_subclass(child))]


@pytest.mark.parametrize("root", [CliError, InferenceError, PackagingError])
def test_every_error_has_an_exit_code(root: type[Exception]) -> None:
    for kind in every_subclass(root):
        assert exit_code(kind.__new__(kind)) in vars(EXIT).values()


def test_without_a_command_it_shows_help(lading: Lading) -> None:
    result = lading()
    for command in COMMANDS:
        assert command in result.out + result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(lading: Lading, command: str) -> None:
    out = lading(command, "--help").out
    assert "Examples" in out
    assert f"lading {command}" in out


def test_the_installed_command_tells_its_version() -> None:
    command = [sys.executable, "-c", "from cli.main import main; main()", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        f"{VERSION}\n"
    )


@pytest.mark.parametrize(
    "words", [("package", "--fast"), ("pack",), ("predict", "double"), ("serve", "--port", "x")]
)
def test_a_bad_call_costs_one_line(lading: Lading, words: tuple[str, ...]) -> None:
    result = lading(*words)
    assert result.code == EXIT.usage
    assert result.err.count("\n") == 1
    assert "--help" in result.err
