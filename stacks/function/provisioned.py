"""Provisioned concurrency of a model's alias, on a schedule.

Lambda accepts no change of an alias's provisioned concurrency while a roll-out splits its traffic:
an action at such a time has no effect, and the next one has. At each deployment of another version
the alias returns to the count of the stage's settings until the next action.
"""

from aws_cdk import TimeZone
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_lambda as lambda_

from lading.stacks.stages.concurrency import ProvisionedConcurrency


def schedule_concurrency(alias: lambda_.Alias, provisioned: ProvisionedConcurrency) -> None:
    """Let Application Auto Scaling set the alias's provisioned concurrency at each time."""
    target = alias.add_auto_scaling(
        min_capacity=min(provisioned.counts), max_capacity=max(provisioned.counts)
    )
    for number, scheduled in enumerate(provisioned.schedule, start=1):
        target.scale_on_schedule(
            f"At{number}",
            schedule=autoscaling.Schedule.expression(scheduled.at),
            time_zone=TimeZone.of(provisioned.timezone),
            min_capacity=scheduled.count,
            max_capacity=scheduled.count,
        )
