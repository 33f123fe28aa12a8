"""Checks that bytes are one complete UBJSON value (https://ubjson.org, draft 12).

Some readers crash on a damaged file, because they read past its end.
"""

_SIZES = {b"i": 1, b"U": 1, b"C": 1, b"I": 2, b"l": 4, b"d": 4, b"L": 8, b"D": 8}
_EMPTY = (b"Z", b"T", b"F", b"N")
_INTEGERS = (b"i", b"U", b"I", b"l", b"L")
_DEEPEST = 32


def require_ubjson(content: bytes) -> None:
    """Check all of `content`.

    Raises:
        ValueError: it ends too early, continues after the value, or has an unknown marker.
    """
    walk = _Walk(content)
    walk.value(walk.take(1))
    if walk.place != len(content):
        raise ValueError(f"has {len(content) - walk.place} bytes after its end")


class _Walk:
    def __init__(self, content: bytes) -> None:
        self._content, self.place, self._depth = content, 0, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count < 0 or self.place + count > len(self._content):
            raise ValueError(f"ends too early, after {len(self._content)} bytes")
        self.place += count
        return self._content[self.place - count : self.place]

    def value(self, marker: bytes) -> None:
        """Skip a value of this type."""
        if marker in _SIZES:
            self.take(_SIZES[marker])
        elif marker in (b"S", b"H"):
            self.take(self._length(self.take(1)))
        elif marker in (b"[", b"{"):
            self._container(named=marker == b"{")
        elif marker not in _EMPTY:
            raise ValueError(f"has an unknown marker {marker!r} at byte {self.place}")

    def _length(self, marker: bytes) -> int:
        if marker not in _INTEGERS:
            raise ValueError(f"has a length of type {marker!r} at byte {self.place}")
        return int.from_bytes(self.take(_SIZES[marker]), "big", signed=marker != b"U")

    def _container(self, *, named: bool) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"is nested more than {_DEEPEST} deep")
        marker = self.take(1)
        kind = self.take(1) if marker == b"$" else None
        marker = self.take(1) if kind else marker
        if marker == b"#":
            self._counted(kind, self._length(self.take(1)), named=named)
        else:
            self._until_closed(marker, named=named)
        self._depth -= 1

    def _counted(self, kind: bytes | None, count: int, *, named: bool) -> None:
        if kind in _SIZES and not named:
            self.take(count * _SIZES[kind])
            return
        for _ in range(count):
            if named:
                self.take(self._length(self.take(1)))
            self.value(kind or self.take(1))

    def _until_closed(self, marker: bytes, *, named: bool) -> None:
        while marker != (b"}" if named else b"]"):
            if named:
                self.take(self._length(marker))
                marker = self.take(1)
            self.value(marker)
            marker = self.take(1)
