"""The output of a script: its lines as they come, its last lines, and the metrics in it."""

import codecs
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OnLine = Callable[[str], None]
"""Called with each line of a script's output."""

LAST = 10
"""The lines that an error quotes."""

_LONGEST = 10_000


def ignore_lines(line: str) -> None:
    """An `OnLine` that shows nothing."""


@dataclass
class Output:
    """Follows the output of a script.

    A progress bar that returns to the start of its line makes a line each time. A line that is
    very long is cut into several.

    Args:
        patterns: the metrics' regular expressions, each with one group.
        on_line: called for each line.
    """

    patterns: Mapping[str, str]
    on_line: OnLine = ignore_lines
    metrics: dict[str, float] = field(default_factory=dict, init=False)
    """The last number of each metric so far."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST), init=False)
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"), init=False
    )
    _rest: str = field(default="", init=False)

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Read the next part of the output."""
        *lines, self._rest = re.split(
            r"\r\n|\n|\r", self._rest + self._decoder.decode(chunk, final)
        )
        if final or len(self._rest) > _LONGEST:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            if line.strip():
                self._read(line.rstrip())

    def _read(self, line: str) -> None:
        self.on_line(line)
        self.last.append(line)
        for name, pattern in self.patterns.items():
            for text in re.findall(pattern, line):
                self._measured(name, text)

    def _measured(self, name: str, text: str) -> None:
        try:
            number = float(text)
        except ValueError:
            return
        if math.isfinite(number):
            self.metrics[name] = number
