"""The reference of the command, from its own help."""

import inspect
import re
from collections.abc import Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from lading.cli.errors import EXIT
from lading.cli.main import app
from website.markdown import block, code, table, text

_MEANINGS = inspect.getsource(EXIT)
_EXIT = re.compile(r'^    (\w+): Final = (\d+)\n    """(.+?)"""', re.MULTILINE)


def cli_page() -> str:
    """Return the page of all commands, their options and examples."""
    rows = [[code(number), text(meaning)] for _, number, meaning in _EXIT.findall(_MEANINGS)]
    return "\n".join(
        [
            "# The command\n",
            "Each command has `--json` for scripts and `--help` with this text.\n",
            "## Exit codes\n",
            table(["code", "meaning"], [["`0`", "Success."], *rows]),
            *_commands(get_command(app), "lading"),
        ]
    )


def _commands(group: object, path: str) -> Iterator[str]:
    """Yield the sections of a group's commands, in the order of the help."""
    if not isinstance(group, TyperGroup):
        return
    for name, command in group.commands.items():
        assert isinstance(command, TyperCommand | TyperGroup)
        yield _command(command, f"{path} {name}")
        yield from _commands(command, f"{path} {name}")


def _command(command: TyperCommand | TyperGroup, path: str) -> str:
    told, _, examples = inspect.cleandoc(command.help or "").partition("Examples:")
    options = [_row(each) for each in command.params if isinstance(each, TyperOption)]
    parts = [f"## {path}\n", _prose(told), _arguments(command, path)]
    if examples.strip():
        parts.append(block(re.sub(r"\n\s*\n\s*", "\n", examples.strip()), "sh"))
    if options:
        parts.append(table(["option", "default", "meaning"], options))
    return "\n".join(parts)


def _prose(told: str) -> str:
    return "\n\n".join(text(each) for each in told.strip().split("\n\n")) + "\n"


def _arguments(command: TyperCommand | TyperGroup, path: str) -> str:
    """Return how the command is called."""
    named = [each for each in command.params if isinstance(each, TyperArgument)]
    words = [
        f"{(each.name or '').upper()}{' ...' if each.nargs == -1 else ''}"
        if each.required
        else f"[{(each.name or '').upper()}{' ...' if each.nargs == -1 else ''}]"
        for each in named
    ]
    if isinstance(command, TyperGroup):
        words.append("COMMAND")
    return block(" ".join([path, *words, "[OPTIONS]"]), "text")


def _row(option: TyperOption) -> list[str]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    variables = option.envvar if isinstance(option.envvar, list) else [option.envvar or ""]
    told = text(option.help or "")
    stated = f"{told} Also {code(variables[0])}." if variables[0] else told
    return [names, _default(option), stated]


def _default(option: TyperOption) -> str:
    if isinstance(option.show_default, str):
        return text(option.show_default)
    default = option.default
    if default in (None, False, "", ()) or callable(default):
        return ""
    return "yes" if default is True else code(getattr(default, "value", default))
