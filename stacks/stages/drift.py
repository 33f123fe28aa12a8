"""Drift: how often requests are counted, and whether a function judges the counts.

drift: {every_minutes: 60, psi: 0.1}
"""

from pydantic import Field

from lading.functions.contract.names import ENVIRONMENT
from lading.stacks.stages.sagemaker import StageEntry


class DriftSettings(StageEntry):
    """How inputs and answers are watched against the baseline of their version."""

    lines_s: int = Field(default=ENVIRONMENT.default_drift_s, ge=0, le=3600)
    """Seconds between the log lines with counts; 0: nothing is counted."""
    every_minutes: int | None = Field(default=None, ge=15, le=1440)
    """How often the counts of the last so many minutes are judged, with an alarm; None: never."""
    psi: float = Field(default=0.1, ge=0.01, le=10)
    """The population stability index from which a shift matters."""
