"""YAML with the line of every value.

It contains only plain data (PyYAML's safe loader). Duplicate keys in a mapping are an error, and
the sizes of the file and of its expanded aliases are limited.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from lading.model_packaging.errors import ManifestError, Place

MAX_BYTES = 1 << 18
MAX_VALUES = 20_000
TOP = "(top)"
_MANIFEST = "models.yaml"
"""The key in errors about the whole document."""

_BOOLEAN, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"

Key = str | int


class LocatedYaml:
    """A YAML document as a plain `value`, with the line of each part.

    Args:
        path: the file.

    Raises:
        ManifestError: it is missing, not YAML, too large, or has a duplicate key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root = self._compose(self._read())
        self.value = self._construct()

    def place(self, keys: Sequence[Key]) -> Place:
        """Return file, line and dotted key of the value at `keys`, or of the nearest above."""
        node, line = self._root, 1
        for key in keys:
            found = _child(node, key)
            if found is None:
                break
            line, node = found
        return Place(self.path, line, ".".join(map(str, keys)) or TOP)

    def holds(self, keys: Sequence[Key]) -> bool:
        """Return whether there is a value at `keys`."""
        node = self._root
        for key in keys:
            found = _child(node, key)
            if found is None:
                return False
            node = found[1]
        return True

    def lines(self, keys: Sequence[Key]) -> dict[str, int]:
        """Return the line of each key and item below `keys`, by its dotted path from there."""
        node = self._root
        for key in keys:
            found = _child(node, key)
            node = found and found[1]
        return dict(_lines(node))

    def _error(self, reason: str, line: int = 1, key: str = TOP) -> ManifestError:
        return ManifestError(Place(self.path, line, key), reason)

    def _read(self) -> str:
        try:
            content = self.path.read_bytes()
            if len(content) > MAX_BYTES:
                raise self._error(
                    f"has {len(content)} bytes, which exceeds the limit of {MAX_BYTES}"
                )
            return content.decode()
        except OSError as error:
            advice = "; `lading init` writes a project" if self.path.name == _MANIFEST else ""
            raise self._error(f"cannot be read: {error.strerror}{advice}") from error
        except UnicodeDecodeError as error:
            raise self._error(f"is not UTF-8 text: byte {error.start}") from error

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._error(f"is not YAML: {error.problem}", line) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise self._error(f"is not YAML: {str(error).partition(chr(10))[0]}") from error
        for count, node in enumerate(_expand(root)):
            if count > MAX_VALUES:
                raise self._error(f"has more than {MAX_VALUES} values after expanding aliases")
            self._check_keys(node)
        return root

    def _check_keys(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.tag == _BOOLEAN:  # a key is a word: YAML 1.1 reads `on` as true
                key.tag = _TEXT
            if key.value in seen:
                raise self._error("is stated twice", _line(key), key.value)
            seen.add(key.value)

    def _construct(self) -> Any:
        if self._root is None:
            return None
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self._root)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self._error(f"is not plain YAML: {error.problem}", line) from error
        except (ValueError, RecursionError) as error:
            raise self._error(f"is not plain YAML: {error}") from error
        finally:
            loader.dispose()


def _expand(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield every node, once for each path to it."""
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _child(node: yaml.Node | None, key: Key) -> tuple[int, yaml.Node] | None:
    """Return the line and value of `node[key]`."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return _line(name), value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return _line(node.value[key]), node.value[key]
    return None


def _lines(node: yaml.Node | None, above: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield f"{above}{number}", _line(value)
            yield from _lines(value, f"{above}{number}.")
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        path = f"{above}{name.value}"
        yield path, _line(name)
        yield from _lines(value, f"{path}.")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
