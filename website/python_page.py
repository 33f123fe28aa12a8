"""The reference of `import lading`, from signatures and docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import lading
from website.markdown import block, text

_LONGEST = 88
_SECTION = re.compile(r"^(Args|Raises|Returns|Yields|Example|Examples):\n", re.MULTILINE)
_TITLES = {"Args": "Arguments", "Raises": "Errors"}
_HEAD = """# Python

`import lading` offers these names. [From Python](../python.md) shows how they are used together.
"""


def python_page() -> str:
    """Return the page of every name that `import lading` offers."""
    offered = [(name, getattr(lading, name)) for name in sorted(lading.__all__, key=str.lower)]
    return "\n".join([_HEAD, *(_entry(name, each) for name, each in offered)])


def _entry(name: str, value: Any) -> str:
    parts = [f"## lading.{name}\n", _signature(value, f"lading.{name}"), _told(value)]
    if inspect.isclass(value):
        parts += [part for each in _methods(value) for part in each]
    return "\n".join(filter(None, parts))


def _methods(kind: type) -> Iterator[tuple[str, str, str]]:
    """Yield heading, signature and text of each public method that a class defines itself."""
    for name, value in vars(kind).items():
        if name.startswith("_") or not (inspect.isfunction(value) or isinstance(value, property)):
            continue
        method = value.fget if isinstance(value, property) else value
        shown = "" if isinstance(value, property) else _signature(method, f"{kind.__name__}.{name}")
        yield f"### {kind.__name__}.{name}\n", shown, _told(method)


def _signature(value: Any, name: str) -> str:
    """Return how a function is called, or a class made, as its source says."""
    function = vars(value).get("__init__") if inspect.isclass(value) else inspect.unwrap(value)
    if not inspect.isfunction(function) or not inspect.getsourcefile(function):
        return ""
    try:
        [node] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except OSError:  # of a dataclass, whose docstring names the fields
        return ""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    words = [each for each in _arguments(node.args) if each not in {"self", "self: Self"}]
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"{name}({', '.join(words)}){'' if inspect.isclass(value) else returned}"
    if len(line) > _LONGEST:
        line = "\n".join([f"{name}(", *(f"    {each}," for each in words), f"){returned}"])
    return block(line, "python")


def _arguments(arguments: ast.arguments) -> list[str]:
    """Return each parameter with its default, as it is written."""
    plain = [ast.arguments([], [each], None, [], [], None, []) for each in arguments.args]
    for one, default in zip(reversed(plain), reversed(arguments.defaults), strict=False):
        one.defaults = [default]
    found = [ast.unparse(each) for each in plain]
    if arguments.vararg:
        found.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        found.append("*")
    for each, stated in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(ast.unparse(each) + (f" = {ast.unparse(stated)}" if stated else ""))
    return found + ([f"**{ast.unparse(arguments.kwarg)}"] if arguments.kwarg else [])


def _told(value: Any) -> str:
    """Return a docstring as Markdown: its sections become lists."""
    first, *rest = _SECTION.split(inspect.getdoc(value) or "")
    told = [_prose(first)]
    for title, content in zip(rest[::2], rest[1::2], strict=True):
        items = re.findall(r"^    (\S[^:]*): (.+(?:\n {8}.+)*)", content, re.MULTILINE)
        lines = [f"- `{name}`: {text(meaning)}" for name, meaning in items]
        told.append(f"**{_TITLES.get(title, title)}**\n\n" + "\n".join(lines) + "\n")
    return "\n".join(told)


def _prose(written: str) -> str:
    return "\n\n".join(text(each) for each in written.strip().split("\n\n")) + "\n"
