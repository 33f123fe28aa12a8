"""The result of the stage `explain`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.artifact.specification import BACKGROUND
from lading.functions.inference.explaining.recorded import Recorded, write_rows


@dataclass(frozen=True, slots=True)
class Explained:
    """What a model's artifact and report have for explanations.

    Args:
        recorded: the section of artifact.json, and the background.
        figures: the section of report.json; see `importance` and `dependence`.
    """

    recorded: Recorded
    figures: Mapping[str, Any] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Return the files of the artifact, by name."""
        rows = self.recorded.background
        return {BACKGROUND: write_rows(rows)} if rows else {}
