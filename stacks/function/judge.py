"""The function that judges the roll-outs of one model, and its schedule."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name, runbook_page
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import HOOK, function_log
from lading.stacks.function.logged_function import LoggedFunction, StageFunctions
from lading.stacks.monitoring.alarms import MINUTE
from lading.stacks.monitoring.signals import WatchedModel, service_metric
from lading.stacks.permissions import acknowledge, allow, allow_below, log_group_arn
from lading.stacks.stages.judge import StageJudge

_HANDLER = "lading.functions.judge.lambda_handler.judge"
_TIME_LIMIT_S, _MEMORY_MB = 58, 512
_STOPS = "StopDeployment accepts no resource (service authorization reference of CodeDeploy)"


NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class JudgedPlace(Protocol):
    """Where a judge finds roll-outs, what it compares, and how it ends one."""

    def settings(self) -> Mapping[str, str]:
        """Return what the judge's settings say of the place."""

    def grant(self, role: iam.Role) -> None:
        """Let the judge find roll-outs, read what it compares, and end a roll-out."""


@dataclass(frozen=True, slots=True)
class DeploymentPlace:
    """The roll-outs of a function by CodeDeploy.

    Args:
        function: name of the function whose versions are compared by its log.
        application: name of the CodeDeploy application.
        group: name of the deployment group.
        arn: ARN of the group; empty in an emulated account.
    """

    function: str
    application: str
    group: str
    arn: str = ""

    def settings(self) -> Mapping[str, str]:
        """See `JudgedPlace.settings`."""
        return {"application": self.application, "group": self.group}

    def grant(self, role: iam.Role) -> None:
        """See `JudgedPlace.grant`."""
        grant_log(role, self.function)
        if self.arn:
            allow(role, ("codedeploy:ListDeployments", "codedeploy:GetDeployment"), self.arn)
            allow_below(role, "codedeploy:StopDeployment", _STOPS, "*")


class RolloutJudge(Construct):
    """Compares the new version with the old one every minute while traffic shifts.

    Args:
        scope: the roll-out.
        id_: the construct's id.
        shared: what its function shares with the others of the stage.
        name: name of the judge's function.
        model_function: name of the model's function.
        place: where it finds roll-outs.
        settings: what is tolerated.
        environment: further variables of its function.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        model_function: str,
        place: JudgedPlace,
        settings: StageJudge,
        environment: Mapping[str, str] = NO_VARIABLES,
    ) -> None:
        super().__init__(scope, id_)
        document: dict[str, Any] = {
            "function": model_function,
            "judge": name,
            **place.settings(),
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
            failures="the next minute judges again, and the end of each roll-out asks it",
            environment={
                HOOK.function: model_function,
                JUDGE.settings: json.dumps(document),
                **environment,
            },
        )
        grant_log(own.role, name)
        place.grant(own.role)
        self.function = own.function
        rule = events.Rule(
            self,
            "EveryMinute",
            description=f"{name}: judges the roll-out that is under way",
            schedule=events.Schedule.rate(Duration.minutes(1)),
        )
        acknowledge(rule, "Serverless-EventBusDLQ", "the next minute judges again")
        rule.add_target(targets.LambdaFunction(own.function, retry_attempts=0))


def grant_log(role: iam.Role, function: str) -> None:
    """Let a role read the log of a function."""
    log = log_group_arn(function_log(function))
    allow_below(role, "logs:FilterLogEvents", "the streams of one log group", log)


class JudgeSignal(NamedTuple):
    """An alarm on what a judge says.

    Args:
        id_: the construct's id.
        key: end of the alarm's name.
        metric: the metric that is 1 then.
        text: what it means; `{model}` is replaced by the model's name.
    """

    id_: str
    key: str
    metric: str
    text: str


def judge_alarms(
    scope: Construct, model: WatchedModel, topic: sns.ITopic, signals: Sequence[JudgeSignal]
) -> list[cloudwatch.Alarm]:
    """Create the alarms on what the judge says of a model's roll-outs."""
    return [_alarm(scope, model, topic, signal) for signal in signals]


def _alarm(
    scope: Construct, model: WatchedModel, topic: sns.ITopic, signal: JudgeSignal
) -> cloudwatch.Alarm:
    page = runbook_page(model.runbook, signal.key)
    alarm = cloudwatch.Alarm(
        scope,
        signal.id_,
        alarm_name=alarm_name(model.function, signal.key),
        alarm_description=f"{signal.text.format(model=model.name)} Runbook: {page}",
        metric=service_metric(model, signal.metric).with_(statistic="Maximum", period=MINUTE),
        threshold=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarm.add_alarm_action(actions.SnsAction(topic))
    return alarm


ROLLOUT_SIGNALS = (
    JudgeSignal(
        "RolloutWorse",
        ALARMS.rollout_worse,
        JUDGE.worse,
        (
            "The new version of model {model} is worse than the old one, which has all traffic "
            "again. `lading rollout status {model}` shows what was found."
        ),
    ),
    JudgeSignal(
        "RolloutUndecided",
        ALARMS.rollout_undecided,
        JUDGE.undecided,
        (
            "The roll-out of model {model} ended without proof. `lading rollout status {model}` "
            "says whether there was too little traffic, or what the judge could not read."
        ),
    ),
)
