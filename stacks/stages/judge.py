"""The judge of roll-outs in a stage: `judge` of stages.yaml.

    judge:
      latency: 1.2
      least_requests: 500
      on_little_traffic: roll_back

A new version is compared with the old one while traffic shifts. It is rolled back as soon as it is
worse than what is tolerated here.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from lading.stacks.stages.sagemaker import SageMakerSettings, StageEntry

Policy = Literal["hold", "roll_back"]


class StageJudge(StageEntry):
    """What is tolerated of a new version, and what happens where nothing is proved."""

    errors: float = Field(default=1.0, ge=1, le=100)
    """Ratio of the new version's error rate to the old one's that is no harm."""
    latency: float = Field(default=1.09, ge=1, le=100)
    """Ratio of latencies that is no harm; rounded up to steps of 4.4 %: by default two of them."""
    answers: float = Field(default=1.25, ge=1, le=100)
    """Ratio of the shares of an answer, a class or a range of scores, that is no harm."""
    false_alarms: float = Field(default=0.05, gt=0, le=0.5)
    """The highest chance to roll back a version that is not worse."""
    least_requests: int = Field(default=100, ge=1)
    """Requests of the new version below which nothing is proved."""
    on_little_traffic: Policy = "hold"
    """`hold`: the version keeps its traffic, and an alarm says that nothing is proved."""
    on_broken: Policy = "roll_back"
    """The same where the judge could not read its data, or failed."""

    def rules(self) -> dict[str, float]:
        """Return the rules of the judge's trial."""
        return {
            "errors": self.errors,
            "latency": self.latency,
            "answers": self.answers,
            "alpha": self.false_alarms,
            "least_requests": self.least_requests,
        }


def unjudged_update(settings: SageMakerSettings) -> str | None:
    """Return why updates of an endpoint cannot be judged; None: they can.

    A judge needs metrics of the old and of the new version in the same minutes, and an alarm that
    rolls back.
    """
    if settings.mode != "steady":
        return f"mode {settings.mode} has no metrics of the old and the new version apart"
    if settings.policy == "all_at_once":
        return "with update.policy all_at_once the two versions never answer at the same time"
    if not settings.update.rollback:
        return "update.rollback is false, so no alarm can roll an update back"
    return None


def judge_conflicts(judge: StageJudge | None, rollout: str) -> Iterator[str]:
    """Yield why a judge has nothing to compare under a roll-out, and what to write instead."""
    if judge is not None and rollout == "all-at-once":
        yield (
            "needs a roll-out in which both versions answer; write "
            "`rollout: canary-10-percent-15-minutes`, or remove it"
        )
