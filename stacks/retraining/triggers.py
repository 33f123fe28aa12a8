"""What starts a retraining: a schedule, or an alarm."""

import json

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from lading.stacks.permissions import acknowledge, allow
from lading.stacks.retraining.roles import service_role

_RETRIES, _LATEST_SECONDS = 3, 3600
"""A start that fails is tried again for an hour, not for a day: it would train much later."""


def add_schedule(scope: Construct, name: str, machine: str, expression: str) -> None:
    """Start a state machine by a schedule of EventBridge Scheduler, in UTC.

    Args:
        scope: the stack.
        name: name of the schedule.
        machine: ARN of the state machine.
        expression: the schedule.
    """
    kind = scheduler.CfnSchedule
    kind(
        scope,
        "Schedule",
        name=name,
        description="Trains a model again",
        schedule_expression=expression,
        schedule_expression_timezone="UTC",
        flexible_time_window=kind.FlexibleTimeWindowProperty(mode="OFF"),
        target=kind.TargetProperty(
            arn=machine,
            role_arn=_starter(scope, "ScheduleRole", "scheduler", machine).role_arn,
            input=json.dumps({"cause": f"the schedule {expression}"}),
            retry_policy=kind.RetryPolicyProperty(
                maximum_retry_attempts=_RETRIES, maximum_event_age_in_seconds=_LATEST_SECONDS
            ),
        ),
    )


def add_alarm(scope: Construct, name: str, machine: str, alarm: str) -> None:
    """Start a state machine when a CloudWatch alarm goes off.

    Args:
        scope: the stack.
        name: name of the rule.
        machine: ARN of the state machine.
        alarm: name of the alarm.
    """
    kind = events.CfnRule
    role = _starter(scope, "AlarmRole", "events", machine)
    target = kind.TargetProperty(
        id="retraining",
        arn=machine,
        role_arn=role.role_arn,
        input=json.dumps({"cause": f"the alarm {alarm}"}),
        retry_policy=kind.RetryPolicyProperty(
            maximum_retry_attempts=_RETRIES, maximum_event_age_in_seconds=_LATEST_SECONDS
        ),
    )
    rule = kind(
        scope,
        "Alarm",
        name=name,
        description="Trains a model again when its alarm goes off",
        event_pattern={
            "source": ["aws.cloudwatch"],
            "detail-type": ["CloudWatch Alarm State Change"],
            "detail": {"alarmName": [alarm], "state": {"value": ["ALARM"]}},
        },
        targets=[target],
    )
    lost = "a start that fails is tried again for an hour; the alarm's topic has told people"
    acknowledge(rule, "Serverless-EventBusDLQ", lost)


def _starter(scope: Construct, id_: str, service: str, machine: str) -> iam.Role:
    role = service_role(scope, id_, service)
    allow(role, "states:StartExecution", machine)
    return role
