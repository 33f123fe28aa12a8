"""Settings of the scheduled function, from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lading.functions.contract.names import DRIFT


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is judged.

    Args:
        functions: names of the functions whose logs have the counts.
        window_s: seconds of a window, which ends when the function runs.
        large: the PSI from which a shift matters.
    """

    functions: tuple[str, ...]
    window_s: int
    large: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "WatchSettings":
        """Return the settings from the variables that `contract.DRIFT` names."""
        return cls(
            functions=tuple(filter(None, environment[DRIFT.functions].split(","))),
            window_s=int(environment[DRIFT.window]),
            large=float(environment[DRIFT.large]),
        )
