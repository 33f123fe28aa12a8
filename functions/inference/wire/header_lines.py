"""The headers of a request as they arrived, which become text only when somebody reads them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lading.functions.inference.wire.messages import read_headers


class HeaderLines(Mapping[str, str]):
    """Header lines as a mapping from names in lower case to text, as `read_headers` returns it.

    Most requests have a dozen headers, of which a dialect reads two.

    Args:
        lines: names, in lower case, and values.
        values: the same by name; of several with one name, the last.
    """

    __slots__ = ("_all", "_lines", "_values")

    def __init__(
        self, lines: Sequence[tuple[bytes, bytes]], values: Mapping[bytes, bytes] | None = None
    ) -> None:
        self._lines, self._values = lines, dict(lines) if values is None else values
        self._all: dict[str, str] | None = None
        if len(self._values) != len(lines):  # a name on several lines
            self._all = read_headers(lines)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a header, or `default`."""
        if self._all is not None:
            return self._all.get(key, default)
        value = self._values.get(key.encode())
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, key: str) -> str:
        value: str | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        if self._all is None:
            self._all = read_headers(self._lines)
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._values)
