"""Alarms on every model, on the API, and on a roll-out.

The alarms of a roll-out watch the new version only. Lambda reports the dimension `ExecutedVersion`
only while an alias is split between two versions, so outside a roll-out they have no data and stay
off. `canary-quiet` shows whether the new version received enough requests to be judged:

| its state         | the roll-out                                                |
|---|---|
| OK                | judged: the new version answered enough requests            |
| ALARM             | not judged: too few requests; the topic receives this alarm |
| INSUFFICIENT_DATA | not judged: no requests, or there is no roll-out now        |
"""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name, runbook_page
from lading.functions.contract.names import METRICS
from lading.stacks.monitoring.signals import (
    Signal,
    Watched,
    WatchedModel,
    expression,
    lambda_metric,
    service_metric,
)
from lading.stacks.permissions import acknowledge

LEAST_CANARY_REQUESTS = 20
"""A new version that answered fewer requests in its roll-out has not been judged."""

MINUTE = Duration.minutes(1)
_PERIODS, _PERIODS_TO_ALARM = 3, 2


def topic_by_name(scope: Construct, name: str) -> sns.ITopic:
    """Return the topic by its name; CloudWatch accepts an alarm whose topic is created later."""
    arn = Stack.of(scope).format_arn(
        service="sns", resource=name, arn_format=ArnFormat.NO_RESOURCE_NAME
    )
    return sns.Topic.from_topic_arn(scope, "AlarmTopic", arn)


class AlarmTopic(Construct):
    """The topic that receives alarms: encrypted, over TLS only, with one subscriber if wanted.

    Args:
        scope: the stack.
        id_: the construct's id.
        name: name of the topic.
        email: receives every alarm, once it has confirmed the subscription.
    """

    def __init__(self, scope: Construct, id_: str, *, name: str, email: str | None) -> None:
        super().__init__(scope, id_)
        key = kms.Key(
            self,
            "Key",
            description=f"{name}: messages of the alarm topic",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,  # no message is kept
        )
        self.topic = sns.Topic(self, "Topic", topic_name=name, master_key=key, enforce_ssl=True)
        encrypt = ["kms:Decrypt", "kms:GenerateDataKey*"]
        key.add_to_resource_policy(self._cloudwatch(encrypt, "*"))  # in a key's policy: this key
        self.topic.add_to_resource_policy(self._cloudwatch(["sns:Publish"], self.topic.topic_arn))
        if email is not None:
            subscription = self.topic.add_subscription(subscriptions.EmailSubscription(email))
            reason = "an email to people; the alarm's history keeps what it says"
            acknowledge(subscription, "Serverless-SNSRedrivePolicy", reason)

    def _cloudwatch(self, allowed: list[str], resource: str) -> iam.PolicyStatement:
        """Return a statement that allows actions to the alarms of this account."""
        return iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=allowed,
            resources=[resource],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
        )


def make_alarms(
    scope: Construct,
    prefix: str,
    signals: Sequence[Signal[Watched]],
    watched: Watched,
    topic: sns.ITopic,
    *,
    math: bool = True,
) -> dict[str, cloudwatch.Alarm]:
    """Create an alarm for each signal of a model, of an API or of an endpoint.

    Args:
        scope: the construct that gets the alarms.
        prefix: start of their names.
        signals: what is measured, and when an alarm goes off.
        watched: what is watched.
        topic: receives the alarms.
        math: whether alarms may use expressions; an emulated account has none.
    """
    alarms = {}
    for signal in signals:
        metric = signal.metric(watched)
        if isinstance(metric, cloudwatch.MathExpression) and not math:
            continue
        alarms[signal.key] = alarm = cloudwatch.Alarm(
            scope,
            _camel(signal.key),
            alarm_name=alarm_name(prefix, signal.key),
            alarm_description=signal.description(watched),
            metric=metric,
            threshold=signal.threshold(watched),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=_PERIODS,
            datapoints_to_alarm=_PERIODS_TO_ALARM,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarm.add_ok_action(actions.SnsAction(topic))
    return alarms


class CanaryAlarms(Construct):
    """The alarms of a roll-out, on the new version only.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        model: what is watched.
        executed_version: the new version of the function.
        topic: receives the alarms.

    `rollback` has the alarms of the deployment group: each of them rolls the new version back.
    The service counts its answers outside roll-outs too. Then that alarm stays off: CodeDeploy
    starts no deployment while an alarm is on, even one that repairs a failing version.
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
        self._quiet()

    def _metric(self, name: str) -> cloudwatch.Metric:
        return lambda_metric(self._model, name, "Sum", ExecutedVersion=self._version)

    def _crashes(self) -> cloudwatch.Alarm:
        rate = expression(
            "errors / invocations",
            {"errors": self._metric("Errors"), "invocations": self._metric("Invocations")},
            "crash rate of the new version",
            MINUTE,
        )
        return self._rollback_alarm(ALARMS.canary_crashes, rate)

    def _failures(self) -> cloudwatch.Alarm:
        rate = expression(
            "IF(FILL(invocations, 0) > 0, failures / requests, 0)",
            {
                "invocations": self._metric("Invocations"),
                "failures": service_metric(self._model, METRICS.server_errors, self._version),
                "requests": service_metric(self._model, METRICS.requests, self._version),
            },
            "5xx error rate of the new version",
            MINUTE,
        )
        return self._rollback_alarm(ALARMS.canary_failures, rate)

    def _rollback_alarm(self, key: str, rate: cloudwatch.MathExpression) -> cloudwatch.Alarm:
        description = (
            f"The {rate.label} of model {self._model.name} is too high; CodeDeploy rolls the "
            "version back. Read the function's log before you deploy it again."
        )
        alarm = rollback_alarm(
            self, _camel(key), model=self._model, key=key, rate=rate, description=description
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm

    def _quiet(self) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "CanaryQuiet",
            alarm_name=alarm_name(self._model.function, ALARMS.canary_quiet),
            alarm_description=(
                f"The roll-out of model {self._model.name} is not judged: its new version received "
                f"fewer than {LEAST_CANARY_REQUESTS} requests in 5 minutes. Send some and look "
                f"again. Runbook: {runbook_page(self._model.runbook, ALARMS.canary_quiet)}"
            ),
            metric=self._metric("Invocations"),
            threshold=LEAST_CANARY_REQUESTS,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))


def rollback_alarm(
    scope: Construct,
    id_: str,
    *,
    model: WatchedModel,
    key: str,
    rate: cloudwatch.IMetric,
    description: str,
    periods: int = 1,
) -> cloudwatch.Alarm:
    """Create an alarm on a failure rate of a model, which rolls a version back."""
    return cloudwatch.Alarm(
        scope,
        id_,
        alarm_name=alarm_name(model.function, key),
        alarm_description=f"{description} Runbook: {runbook_page(model.runbook, key)}",
        metric=rate,
        threshold=model.error_rate,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("-"))
