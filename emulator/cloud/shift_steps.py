"""The steps in which CodeDeploy shifts traffic, from the names of its predefined configurations."""

import re
from typing import NamedTuple

_NAME = re.compile(r"(canary|linear)-(\d+)-percent-(?:every-)?(\d+)-minutes?")


class TrafficShare(NamedTuple):
    """A share of the traffic for the new version, and how long it stays."""

    share: float
    minutes: int


def steps_of(rollout: str) -> tuple[TrafficShare, ...]:
    """Return the steps of a roll-out of stages.yaml; the last one is all traffic.

    >>> steps_of("canary-10-percent-5-minutes")
    (TrafficShare(share=0.1, minutes=5), TrafficShare(share=1.0, minutes=0))
    """
    found = _NAME.fullmatch(rollout)
    if found is None:
        return (TrafficShare(1.0, 0),)
    percent, minutes = int(found[2]), int(found[3])
    shares = range(percent, 100, percent) if found[1] == "linear" else (percent,)
    return (*(TrafficShare(share / 100, minutes) for share in shares), TrafficShare(1.0, 0))
