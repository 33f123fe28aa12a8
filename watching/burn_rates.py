"""How fast an error budget burns, and over which windows that is measured.

A budget is the share of requests that may miss an objective in its period. A burn rate of 1 uses
it up exactly at the end of the period. An alert fires where two windows exceed a rate: the long one
so that a short disturbance does not wake anybody, the short one so that the alert ends soon after
its cause. Source: Google, The Site Reliability Workbook, chapter 5, table 5-8.
"""

from typing import Final, Literal, NamedTuple

Severity = Literal["page", "ticket"]

_DAY_S: Final = 86_400


class Burn(NamedTuple):
    """Two windows, and the share of the budget that may burn in the long one.

    Args:
        long_s: the long window in seconds.
        short_s: the short window in seconds.
        budget: the share of the budget that is burnt in the long window when the alert fires.
        severity: whether somebody is woken, or works on it the next day.
    """

    long_s: int
    short_s: int
    budget: float
    severity: Severity

    def factor(self, period_days: int) -> float:
        """Return the burn rate above which it fires, for a budget of so many days.

        >>> Burn(3600, 300, 0.02, "page").factor(30)
        14.4
        """
        return round(self.budget * period_days * _DAY_S / self.long_s, 6)


BURNS: Final = (
    Burn(3_600, 300, 0.02, "page"),
    Burn(6 * 3_600, 1_800, 0.05, "page"),
    Burn(_DAY_S, 2 * 3_600, 0.10, "ticket"),
    Burn(3 * _DAY_S, 6 * 3_600, 0.10, "ticket"),
)


class Pace(NamedTuple):
    """How long windows and waits are; tests shorten all of them alike.

    Args:
        shorten: seconds of the usual windows in one second.
        scrape_s: seconds between two scrapes, and between two evaluations.
    """

    shorten: float = 1.0
    scrape_s: float = 15.0

    def duration(self, seconds: float) -> str:
        """Return a duration in PromQL; a window has at least four scrapes.

        >>> Pace().duration(7200), Pace(shorten=600).duration(3600)
        ('2h', '1m')
        """
        return _written(max(seconds / self.shorten, 4 * self.scrape_s))

    def wait(self, seconds: float) -> str:
        """Return for how long a condition must hold, in PromQL."""
        return _written(seconds / self.shorten)

    def least(self, requests: float) -> str:
        """Return how many requests a shortened window has, of those in the usual one."""
        return f"{requests / self.shorten:.6g}"

    @property
    def interval(self) -> str:
        """The time between two scrapes."""
        return _written(self.scrape_s)


def _written(seconds: float) -> str:
    for unit, size in (("d", _DAY_S), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms" if seconds % 1 else f"{seconds:.0f}s"
