"""Several versions of a model answer at once: which one answers a request.

The value of a header decides, such as the id of a user: its SHA-256 is a point from 0 to 1, and
each version has a part of that line. So the same user always gets the same version, in every
environment and on every machine, without anything that is stored. The model's name is part of what
is hashed, so that two experiments divide the same users differently. Versions lie in ascending
order: when the share of the newest grows, only users that it gains change their version.

A request without that header is divided by its `Idempotency-Key`, so that a repetition goes to the
same version; without one, by chance.
"""

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

IDEMPOTENCY_KEY: Final = "idempotency-key"

_BITS: Final = 53
"""Bits of a point: as many as a float has."""


class VersionSplit(NamedTuple):
    """The share of each version, and what a request is divided by.

    Args:
        percents: version -> percent of the keys; together 100.
        key: the header, in lower case; empty: requests are divided by chance.
    """

    percents: Mapping[int, float]
    key: str = ""

    def choose(self, model: str, headers: Mapping[str, str]) -> int:
        """Return the version for a request.

        Args:
            model: name of the model.
            headers: the request's headers, by names in lower case.
        """
        key = headers.get(self.key) if self.key else None
        return self.at(point_of(model, key or headers.get(IDEMPOTENCY_KEY)))

    def at(self, point: float) -> int:
        """Return the version at a point, from 0 to below 1.

        >>> VersionSplit({3: 90, 4: 10}).at(0.89), VersionSplit({3: 90, 4: 10}).at(0.9)
        (3, 4)
        """
        chosen, end = 0, 0.0
        for version, percent in sorted(self.percents.items()):
            if percent > 0:
                chosen, end = version, end + percent
                if point * 100 < end:
                    break
        return chosen


def point_of(model: str, key: str | None) -> float:
    """Return the point of a key, from 0 to below 1; a random one without a key.

    The random one is from the system: environments of one snapshot share Python's random numbers.
    """
    content = sha256(f"{model}\0{key}".encode()).digest() if key else os.urandom(8)
    return (int.from_bytes(content[:8], "big") >> (64 - _BITS)) / (1 << _BITS)
