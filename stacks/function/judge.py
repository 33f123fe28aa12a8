"""The function that judges the roll-outs of one model's function, and its schedule."""

import json
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name, runbook_page
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import HOOK, function_log
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.monitoring.alarms import MINUTE
from lading.stacks.monitoring.signals import WatchedModel, service_metric
from lading.stacks.permissions import acknowledge, acknowledge_resource, allow, log_group_arn
from lading.stacks.stages.judge import StageJudge

_HANDLER = "lading.functions.judge.lambda_handler.judge"
_TIME_LIMIT_S, _MEMORY_MB = 58, 512
_LOGS = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group"


@dataclass(frozen=True, slots=True)
class DeploymentPlace:
    """Where the judge finds a roll-out.

    Args:
        application: name of the CodeDeploy application.
        group: name of the deployment group.
        arn: ARN of the group; empty in an emulated account.
    """

    application: str
    group: str
    arn: str = ""


class RolloutJudge(Construct):
    """Compares the new version with the old one every minute while traffic shifts.

    Args:
        scope: the roll-out.
        id_: the construct's id.
        shared: what its function shares with the others of the stage.
        name: name of the judge's function.
        model_function: name of the function whose versions it compares.
        place: where it finds their roll-out.
        settings: what is tolerated.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        model_function: str,
        place: DeploymentPlace,
        settings: StageJudge,
    ) -> None:
        super().__init__(scope, id_)
        document: dict[str, Any] = {
            "function": model_function,
            "judge": name,
            "application": place.application,
            "group": place.group,
            "rules": settings.rules(),
            "on_little_traffic": settings.on_little_traffic,
            "on_broken": settings.on_broken,
        }
        own = LoggedFunction(
            self,
            "Judge",
            shared=shared,
            name=name,
            handler=_HANDLER,
            memory_mb=_MEMORY_MB,
            timeout_s=_TIME_LIMIT_S,
            failures="the next minute judges again, and the hook after traffic asks it",
            environment={HOOK.function: model_function, JUDGE.settings: json.dumps(document)},
        )
        for log in map(function_log, (model_function, name)):
            allow(own.role, "logs:FilterLogEvents", log_group_arn(log))
            reason = "the streams of one log group"
            acknowledge_resource(own.role, f"{_LOGS}:{log}:*", reason)
        if place.arn:
            actions = ("codedeploy:ListDeployments", "codedeploy:GetDeployment")
            allow(own.role, (*actions, "codedeploy:StopDeployment"), place.arn)
        self.function = own.function
        rule = events.Rule(
            self,
            "EveryMinute",
            description=f"{name}: judges the roll-out that is under way",
            schedule=events.Schedule.rate(Duration.minutes(1)),
        )
        acknowledge(rule, "Serverless-EventBusDLQ", "the next minute judges again")
        rule.add_target(targets.LambdaFunction(own.function, retry_attempts=0))


def judge_alarms(scope: Construct, model: WatchedModel, topic: sns.ITopic) -> None:
    """Create the alarms on what the judge says of a model's roll-outs."""
    for id_, key, metric, text in _ALARMS:
        alarm = cloudwatch.Alarm(
            scope,
            id_,
            alarm_name=alarm_name(model.function, key),
            alarm_description=(
                f"{text.format(model=model.name)} Runbook: {runbook_page(model.runbook, key)}"
            ),
            metric=service_metric(model, metric).with_(statistic="Maximum", period=MINUTE),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))


_ALARMS = (
    (
        "RolloutWorse",
        ALARMS.rollout_worse,
        JUDGE.worse,
        (
            "The new version of model {model} is worse than the old one, which has all traffic "
            "again. `lading rollout status {model}` shows what was found."
        ),
    ),
    (
        "RolloutUndecided",
        ALARMS.rollout_undecided,
        JUDGE.undecided,
        (
            "The roll-out of model {model} ended without proof. `lading rollout status {model}` "
            "says whether there was too little traffic, or what the judge could not read."
        ),
    ),
)
