"""Drift as gauges: what the counts of the last hour say of each version, for Prometheus.

On Lambda a scheduled function judges the lines of all processes, by the same code.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from lading.functions.contract.watched import DRIFTS
from lading.functions.inference.observability.families import LabelValues, Registry

if TYPE_CHECKING:
    from lading.functions.drift.windows import Window

MOST_LINES: Final = 60
"""Lines of a window; there is one for each minute with requests."""


class DriftGauges:
    """The gauges of one process.

    Args:
        registry: where they are shown.
    """

    def __init__(self, registry: Registry) -> None:
        self._windows: dict[LabelValues, deque[Window]] = {}
        self._found: dict[LabelValues, dict[str, float]] = {}
        for name, figure in DRIFTS.items():
            registry.register_read(figure, partial(self._read, name))

    def note(self, lines: Sequence[str]) -> None:
        """Judge the windows that end with these lines."""
        # Most processes have no model with a baseline.
        from lading.functions.drift.verdict import figures_of, judge
        from lading.functions.drift.windows import add_up, read_each

        for one in read_each(lines):
            labels = one.model, one.version
            kept = self._windows.setdefault(labels, deque(maxlen=MOST_LINES))
            kept.append(one)
            verdict = judge(add_up(kept)[-1])
            self._found[labels] = figures_of(verdict) if verdict else {}

    def _read(self, name: str) -> Iterator[tuple[LabelValues, float]]:
        for labels, figures in tuple(self._found.items()):
            if name in figures:
                yield labels, figures[name]
