"""Settings of the check after an update, from its environment."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from lading.functions.contract.judging import JUDGE, POLICIES


class CheckSettings(NamedTuple):
    """Who has the last word on an update.

    Args:
        judge: name of the judge's function; empty: there is none.
        holds_broken: whether the new version stays if that function fails.
    """

    judge: str = ""
    holds_broken: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "CheckSettings":
        """Return the settings from the variables that `contract.JUDGE` names."""
        return cls(
            environment.get(JUDGE.function, ""), environment.get(JUDGE.on_broken) == POLICIES[0]
        )
