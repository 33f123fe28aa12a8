"""No class name stands twice in the source: who meets a name knows what it is."""

import ast
import re
from collections import defaultdict
from collections.abc import Mapping

from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS

_CLASS = re.compile(r"^ *class (\w+)", re.MULTILINE)


def defined_twice(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Name of a class -> the modules that define it, where it is defined more than once."""
    seen = defaultdict[str, list[str]](list)
    for module, source in sources.items():
        for name in _CLASS.findall(source):
            seen[name].append(module)
    several = ((name, modules) for name, modules in seen.items() if len(modules) > 1)
    real = {
        name: [
            module for module in sorted({*modules}) for _ in range(_count(sources[module], name))
        ]
        for name, modules in several
    }
    return {name: modules for name, modules in real.items() if len(modules) > 1}


def _count(source: str, name: str) -> int:
    """How often a source defines a class; a class in a text, such as an example, is none."""
    nodes = ast.walk(ast.parse(source))
    return sum(isinstance(node, ast.ClassDef) and node.name == name for node in nodes)


def test_every_class_has_a_name_of_its_own() -> None:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    assert len(paths) > 400
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    assert defined_twice(sources) == {}


def test_a_name_that_is_given_twice_is_found_and_a_text_is_not() -> None:
    within = "class Place:\n    class Kept: ...\n\n\ndef _kept():\n    class Kept: ...\n"
    other = "EXAMPLE = '''\nclass Kept: ...\n'''\n\n\nclass Place(Protocol): ...\n"
    found = defined_twice({"a.py": within, "b.py": other, "c.py": "class Alone: ..."})
    assert found == {"Place": ["a.py", "b.py"], "Kept": ["a.py", "a.py"]}
