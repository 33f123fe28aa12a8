"""A sequential test of whether events are more frequent in one of two versions.

An event is a failed request, a slow one, an answer of some class. The requests of one minute are
split between the versions. If both have the same rate in that minute, whatever it is, each of the
minute's `t` events is one of the new version's with the same chance: given the totals, the number
`x` of events of the new version is hypergeometric. For every odds ratio `r = exp(a)` the ratio
`exp(a x) / M`, where `M` bounds the expectation of `exp(a x)`, then has an expectation of at most
1. Products over minutes keep that, and so does their mean over a fixed set of ratios: it is an
e-process, a mixture sequential probability ratio test. By Ville's inequality the chance that it
ever reaches `1 / alpha` is at most `alpha`, however often it is looked at.

- Mixtures of likelihood ratios: Robbins, "Statistical methods related to the law of the iterated
  logarithm", 1970; for experiments that are watched: Johari, Koomen, Pekelis, Walsh, "Always valid
  inference", Operations Research 70 (2022); for shares of events: Lindon and Malek, "Anytime-valid
  inference for multinomial count data", NeurIPS 2022.
- The bound: sampling without replacement is dominated, for convex functions, by sampling with
  replacement (Hoeffding, JASA 58 (1963), theorem 4). It holds for the events among the requests
  and for the requests among the events, so the smaller of both bounds is taken.
- Tolerance: rates that differ by a factor `d` become equal if each event of the new version is kept
  with the chance `1 / d`. The test is averaged over which events are kept, so nothing is random.

Neither the load, nor the rate, nor the split needs to be known or constant. What is needed: within
a minute, which version a request reaches does not depend on the request.
"""

from math import exp, log, log1p
from typing import Final, NamedTuple

RATIOS: Final = (1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 5.0, 10.0)
"""The odds ratios that the test mixes, with equal weights."""
_LOGS: Final = tuple(map(log, RATIOS))


class Minute(NamedTuple):
    """Events and requests of one minute, or of any window whose split does not depend on events.

    Args:
        new_events: events of the version that may be worse.
        events: events of both versions.
        new_requests: requests of that version.
        requests: requests of both.
    """

    new_events: int
    events: int
    new_requests: int
    requests: int

    def swapped(self) -> "Minute":
        """Return the minute as the other version sees it."""
        other = self.events - self.new_events, self.requests - self.new_requests
        return Minute(other[0], self.events, other[1], self.requests)


class ShareTest:
    """The evidence that events are more frequent in the new version.

    Args:
        tolerated: ratio of the rates that is no harm; at least 1.
    """

    def __init__(self, tolerated: float = 1.0) -> None:
        self._kept = 1 / tolerated
        self._logs = [0.0] * len(RATIOS)

    def add(self, minute: Minute) -> None:
        """Count the events of one more minute."""
        new, events, new_requests, requests = minute
        if not (events and 0 < new_requests < requests):
            return
        share, rate = new_requests / requests, events / requests
        for place, ratio in enumerate(RATIOS):
            growth = log1p(share * (ratio - 1))
            if self._kept == 1:
                bound = min(events * growth, new_requests * log1p(rate * (ratio - 1)))
                self._logs[place] += new * _LOGS[place] - bound
            else:
                kept = log1p(self._kept * (ratio * exp(-growth) - 1))
                self._logs[place] += new * kept - (events - new) * growth

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the e-value; 0 is no evidence at all."""
        return log_mean(self._logs)


def log_mean(logs: list[float]) -> float:
    """Return the logarithm of the mean of numbers, from their logarithms."""
    most = max(logs)
    if most == min(logs):
        return most
    return most + log(sum(exp(it - most) for it in logs) / len(logs))
