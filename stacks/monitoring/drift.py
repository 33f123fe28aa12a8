"""The scheduled function that judges drift, and an alarm for each model."""

from collections.abc import Sequence
from datetime import timedelta

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name, runbook_page
from lading.functions.contract.names import DRIFT, METRICS, function_log
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.permissions import acknowledge_resource, allow, own_service
from lading.stacks.stages.drift import DriftSettings

_TIMEOUT_S = 300
_WINDOWS, _WINDOWS_TO_ALARM = 3, 2
_RETRIES = 2


class DriftWatch(Construct):
    """Judges the last window of every model on a schedule.

    Args:
        scope: the stack.
        id_: the construct's id.
        shared: what the function shares with the others of the stage.
        name: the function's name.
        stage: the value of the metrics' dimension `stage`.
        settings: the stage's settings, with a schedule.
        models: whose logs are read.
        topic: receives the alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        stage: str,
        settings: DriftSettings,
        models: Sequence[WatchedModel],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        minutes = settings.every_minutes or 0
        functions = [model.function for model in models]
        own = LoggedFunction(
            self,
            "Judge",
            shared=shared,
            name=name,
            handler="lading.functions.drift.lambda_handler.watch",
            timeout_s=_TIMEOUT_S,
            environment={
                DRIFT.functions: ",".join(functions),
                DRIFT.window: str(60 * minutes),
                DRIFT.large: f"{settings.psi:g}",
            },
            failures="the next run judges the next window",
        )
        allow(own.role, "logs:FilterLogEvents", *(_log_arn(each) for each in functions))
        for each in functions:
            streams = "filter_log_events reads every stream of a model's own log"
            acknowledge_resource(own.role, _log_arn(each, shown=True), streams)
        self._schedule(name, own.function.function_arn, minutes)
        for number, model in enumerate(models):
            self._alarm(f"Drift{number}", model, stage, Duration.minutes(minutes), topic)

    def _schedule(self, name: str, function: str, minutes: int) -> None:
        role = iam.Role(self, "ScheduleRole", assumed_by=own_service("scheduler"))
        allow(role, "lambda:InvokeFunction", function)
        kind = scheduler.CfnSchedule
        kind(
            self,
            "Schedule",
            name=name,
            description="Judges whether requests drift from the baselines of their models",
            schedule_expression=f"rate({minutes} minutes)",
            flexible_time_window=kind.FlexibleTimeWindowProperty(mode="OFF"),
            target=kind.TargetProperty(
                arn=function,
                role_arn=role.role_arn,
                retry_policy=kind.RetryPolicyProperty(
                    maximum_retry_attempts=_RETRIES,
                    maximum_event_age_in_seconds=int(timedelta(minutes=minutes).total_seconds()),
                ),
            ),
        )

    def _alarm(
        self, id_: str, model: WatchedModel, stage: str, window: Duration, topic: sns.ITopic
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            alarm_name=alarm_name(model.function, ALARMS.drift),
            alarm_description=(
                f"Inputs or answers of model {model.name} drift from its baseline. The drift "
                "function's log names the features. "
                f"Runbook: {runbook_page(model.runbook, ALARMS.drift)}"
            ),
            metric=cloudwatch.Metric(
                namespace=METRICS.namespace,
                metric_name=DRIFT.features,
                dimensions_map={"model": model.name, METRICS.stage: stage},
                statistic="Maximum",
                period=window,
            ),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=_WINDOWS,
            datapoints_to_alarm=_WINDOWS_TO_ALARM,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))


def _log_arn(function: str, *, shown: bool = False) -> str:
    """Return the ARN of a function's log and of its streams, or as findings show it."""
    parts = (Aws.PARTITION, Aws.REGION, Aws.ACCOUNT_ID)
    names = ("<AWS::Partition>", "<AWS::Region>", "<AWS::AccountId>")
    partition, region, account = names if shown else parts
    return f"arn:{partition}:logs:{region}:{account}:log-group:{function_log(function)}:*"
