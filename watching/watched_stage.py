"""A stage as Prometheus watches it: its objectives, its servers, and the pages of its alerts."""

from typing import NamedTuple

from lading.stacks.stages.watching import WatchingSettings
from lading.watching.burn_rates import Pace


class WatchedStage(NamedTuple):
    """What the files of a stage are written from.

    Args:
        name: name of the stage, the label `stage` of each of its series.
        objectives: what it promises.
        targets: addresses of its servers, `host:port`.
        pace: how long windows are.
    """

    name: str
    objectives: WatchingSettings
    targets: tuple[str, ...] = ("localhost:8080",)
    pace: Pace = Pace()

    def page(self, key: str) -> str:
        """Return where the page of an alert is."""
        return f"{self.objectives.runbook}/{key}.md"

    def only(self, *more: str) -> str:
        """Return the selector of the stage's series, with more matchers."""
        return "{" + ", ".join((f'stage="{self.name}"', *more)) + "}"
