"""Server-sent events, from parts that may end anywhere (WHATWG's HTML, section 9.2)."""

import json
from typing import Any, Final

from lading.api.errors import ServerError

_DONE: Final = "[DONE]"
_LONGEST: Final = 1 << 20


class EventReader:
    """Reads the JSON documents of a stream; OpenAI's `[DONE]` is not one of them.

    Args:
        url: the address, for errors.
    """

    def __init__(self, url: str) -> None:
        self._url, self._rest = url, b""
        self._data: list[str] = []

    def feed(self, part: bytes) -> list[Any]:
        """Return the documents that are complete after one more part.

        Raises:
            ServerError: an event is not JSON, exceeds the limit, or reports an error.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) + sum(map(len, self._data)) > _LONGEST:
            raise ServerError(self._url, f"an event exceeds the limit of {_LONGEST} bytes")
        events = [self._line(line.removesuffix(b"\r").decode(errors="replace")) for line in lines]
        return [self._document(event) for event in events if event and event != _DONE]

    def end(self) -> list[Any]:
        """Return the documents that the end of the stream completes."""
        return self.feed(b"\n\n")

    def _line(self, line: str) -> str:
        """Return the data of the event that a blank line ends; else an empty text."""
        if not line:
            event, self._data = "\n".join(self._data), []
            return event
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        return ""

    def _document(self, event: str) -> Any:
        try:
            document = json.loads(event)
        except ValueError as error:
            raise ServerError(self._url, f"sent an event that is not JSON: {error}") from error
        if isinstance(document, dict) and "error" in document:
            stated = document["error"]
            reason = stated.get("message") if isinstance(stated, dict) else stated
            raise ServerError(self._url, f"ended the stream: {reason}")
        return document
