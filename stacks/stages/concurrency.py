"""Provisioned concurrency: environments that Lambda keeps started, also by a schedule.

    models:
      digits:
        snap_start: false
        provisioned_concurrency:
          count: 2
          timezone: Europe/Berlin
          schedule:
            - {at: 'cron(0 7 ? * MON-FRI *)', count: 10}
            - {at: 'cron(0 19 ? * MON-FRI *)', count: 2}

Sources: the Lambda developer guide on SnapStart, which excludes provisioned concurrency, and on
provisioned concurrency, which cannot exceed a function's reserved concurrency; the service
description of Application Auto Scaling, which accepts 0 for it and has the form of schedules.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from lading.stacks.stages.sagemaker import StageEntry

_SCHEDULES = (
    r"^(at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"
    r"|rate\([1-9]\d* (minute|hour|day)s?\)"
    r"|cron\(\S+( \S+){5}\))$"
)


def _some_count(schedule: tuple["ScheduledCount", ...]) -> tuple["ScheduledCount", ...]:
    times = [each.at for each in schedule]
    if len(set(times)) < len(times):
        raise ValueError("two entries have the same `at`")
    return schedule


class ScheduledCount(StageEntry):
    """A number of environments from a time on."""

    at: str = Field(pattern=_SCHEDULES)
    """`cron(minutes hours day month weekday year)`, `rate(1 day)` or `at(2026-12-01T08:00:00)`."""
    count: int = Field(ge=0)
    """Environments that Lambda keeps started from then on."""


class ProvisionedConcurrency(StageEntry):
    """Environments that Lambda keeps started; each is billed all the time."""

    count: int = Field(ge=0)
    """Environments after a deployment; 0 if only the schedule starts some."""
    timezone: str = Field(default="UTC", pattern=r"^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$")
    """Time zone of the schedule, as `Europe/Berlin`."""
    schedule: Annotated[tuple[ScheduledCount, ...], AfterValidator(_some_count)] = Field(
        default=(), strict=False
    )

    @property
    def counts(self) -> tuple[int, ...]:
        """Every number of environments, first that of a deployment."""
        return (self.count, *(each.count for each in self.schedule))


def concurrency_conflicts(
    provisioned: ProvisionedConcurrency, reserved: int | None, *, snap_start: bool
) -> Iterator[str]:
    """Yield what Lambda does not accept together, and what to write instead.

    Args:
        provisioned: settings of one model.
        reserved: the reserved concurrency of its function.
        snap_start: whether its versions start from a snapshot.
    """
    if snap_start:
        yield "excludes SnapStart; write `snap_start: false` for this model"
    if max(provisioned.counts) == 0:
        yield "keeps no environment started; write a count above 0, or remove it"
    if reserved is not None and max(provisioned.counts) > reserved:
        most = max(provisioned.counts)
        yield f"has a count of {most}, above reserved_concurrency ({reserved}); raise that"
