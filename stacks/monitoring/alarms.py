"""Alarms: on every model, on the API, and on a roll-out.

A roll-out's alarms look at the new version alone. Lambda reports the dimension `ExecutedVersion`
only while an alias is split between two versions, so that outside a roll-out they have no data and
are quiet. `canary-quiet` says whether the new version was judged at all:

| its state         | the roll-out                                          |
|---|---|
| OK                | judged: the new version answered enough requests      |
| ALARM             | not judged: it saw too few; the topic is told         |
| INSUFFICIENT_DATA | not judged: it saw none, or there is no roll-out now  |
"""

from collections.abc import Sequence

from aws_cdk import Acknowledgment, ArnFormat, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name
from lading.functions.contract.names import METRICS
from lading.stacks.monitoring.signals import (
    API_SIGNALS,
    MODEL_SIGNALS,
    Signal,
    Watched,
    WatchedApi,
    WatchedModel,
    lambda_metric,
    service_metric,
)
from lading.stacks.stages.settings import Names

FEWEST_CANARY_REQUESTS = 20
"""A new version that answered fewer requests in its roll-out has not been judged."""

_MINUTE = Duration.minutes(1)
_OF_PERIODS, _RINGING_PERIODS = 3, 2


def topic_name(names: Names) -> str:
    """Name of the topic that every alarm of a stage tells."""
    return f"{names.prefix}-alarms"


def topic_by_name(scope: Construct, names: Names) -> sns.ITopic:
    """The topic, by its name: CloudWatch takes an alarm whose topic is made later."""
    arn = Stack.of(scope).format_arn(
        service="sns", resource=topic_name(names), arn_format=ArnFormat.NO_RESOURCE_NAME
    )
    return sns.Topic.from_topic_arn(scope, "AlarmTopic", arn)


class AlarmTopic(Construct):
    """Where alarms go: encrypted, over TLS alone, to one address if there is one.

    Args:
        scope: the stack.
        id_: the construct's id.
        names: names of the stage.
        email: who gets every alarm, once the subscription is confirmed.
    """

    def __init__(self, scope: Construct, id_: str, *, names: Names, email: str | None) -> None:
        super().__init__(scope, id_)
        key = kms.Key(
            self,
            "Key",
            description=f"{names.prefix}: alarm topic",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,  # no message is kept
        )
        key.add_to_resource_policy(_let_cloudwatch_encrypt(self))
        self.topic = sns.Topic(
            self, "Topic", topic_name=topic_name(names), master_key=key, enforce_ssl=True
        )
        self.topic.add_to_resource_policy(_let_cloudwatch_publish(self, self.topic))
        if email is not None:
            subscription = self.topic.add_subscription(subscriptions.EmailSubscription(email))
            Validations.of(subscription).acknowledge(
                Acknowledgment(
                    id="Serverless-SNSRedrivePolicy",
                    reason="a letter to people; what it says stays in the alarm's history",
                )
            )


class ModelAlarms(Construct):
    """The alarms of one model's function.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        model: what to watch.
        topic: who is told.
        math: whether the cloud knows alarms on expressions; an emulated one may not.
    """

    def __init__(
        self, scope: Construct, id_: str, *, model: WatchedModel, topic: sns.ITopic, math: bool
    ) -> None:
        super().__init__(scope, id_)
        self.alarms = make_alarms(self, MODEL_SIGNALS, model, topic, math=math)


class ApiAlarms(Construct):
    """The alarms of the API.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        api: what to watch.
        topic: who is told.
        math: whether the cloud knows alarms on expressions.
    """

    def __init__(
        self, scope: Construct, id_: str, *, api: WatchedApi, topic: sns.ITopic, math: bool
    ) -> None:
        super().__init__(scope, id_)
        self.alarms = make_alarms(self, API_SIGNALS, api, topic, math=math)


class CanaryAlarms(Construct):
    """The alarms of a roll-out, on the new version alone.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        model: what to watch.
        executed_version: the function's new version.
        topic: who is told.

    `rollback` is for the deployment group; whichever of it rings brings the old version back.
    The service counts its answers outside roll-outs too; then that alarm is kept quiet, since a
    roll-out that mends a failing version could not begin under a ringing one.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        model: WatchedModel,
        executed_version: str,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self._model, self._version, self._topic = model, executed_version, topic
        self.rollback: Sequence[cloudwatch.Alarm] = (self._crashes(), self._failures())
        self.quiet = self._quiet()

    def _metric(self, name: str) -> cloudwatch.Metric:
        return lambda_metric(self._model, name, "Sum", ExecutedVersion=self._version)

    def _crashes(self) -> cloudwatch.Alarm:
        rate = cloudwatch.MathExpression(
            expression="errors / invocations",
            using_metrics={
                "errors": self._metric("Errors"),
                "invocations": self._metric("Invocations"),
            },
            label="crashes of the new version, of its invocations",
            period=_MINUTE,
        )
        return self._rollback_alarm(ALARMS.canary_crashes, rate)

    def _failures(self) -> cloudwatch.Alarm:
        rate = cloudwatch.MathExpression(
            expression="IF(FILL(invocations, 0) > 0, failures / requests, 0)",
            using_metrics={
                "invocations": self._metric("Invocations"),
                "failures": service_metric(self._model, METRICS.server_errors, self._version),
                "requests": service_metric(self._model, METRICS.requests, self._version),
            },
            label="5xx answers of the new version, of its requests",
            period=_MINUTE,
        )
        return self._rollback_alarm(ALARMS.canary_failures, rate)

    def _rollback_alarm(self, key: str, rate: cloudwatch.IMetric) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            _camel(key),
            alarm_name=alarm_name(self._model.function, key),
            alarm_description=f"Brings the last version of {self._model.name} back.",
            metric=rate,
            threshold=self._model.error_rate,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm

    def _quiet(self) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "CanaryQuiet",
            alarm_name=alarm_name(self._model.function, ALARMS.canary_quiet),
            alarm_description=(
                f"Roll-out of {self._model.name} not judged: its new version saw fewer than "
                f"{FEWEST_CANARY_REQUESTS} requests in 5 minutes. Send it some and look again."
            ),
            metric=self._metric("Invocations"),
            threshold=FEWEST_CANARY_REQUESTS,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm


def make_alarms(
    scope: Construct,
    signals: Sequence[Signal[Watched]],
    watched: Watched,
    topic: sns.ITopic,
    *,
    math: bool,
) -> dict[str, cloudwatch.Alarm]:
    """An alarm for each signal of what is watched, which tells `topic`.

    Args:
        scope: of the alarms.
        signals: what rings.
        watched: whose it is.
        topic: who is told.
        math: whether the cloud knows alarms on expressions.
    """
    alarms = {}
    for signal in signals:
        metric = signal.metric(watched)
        if isinstance(metric, cloudwatch.MathExpression) and not math:
            continue
        alarms[signal.key] = alarm = cloudwatch.Alarm(
            scope,
            _camel(signal.key),
            alarm_name=alarm_name(watched.alarm_prefix, signal.key),
            alarm_description=f"{signal.title}. {signal.advice}",
            metric=metric,
            threshold=signal.threshold(watched),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=_OF_PERIODS,
            datapoints_to_alarm=_RINGING_PERIODS,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
    return alarms


def _let_cloudwatch_encrypt(scope: Construct) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=["kms:Decrypt", "kms:GenerateDataKey*"],
        resources=["*"],  # in a key's policy: this key
        conditions=_from_here(scope),
    )


def _let_cloudwatch_publish(scope: Construct, topic: sns.Topic) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=["sns:Publish"],
        resources=[topic.topic_arn],
        conditions=_from_here(scope),
    )


def _from_here(scope: Construct) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("-"))
