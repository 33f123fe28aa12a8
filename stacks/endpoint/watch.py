"""Alarms and the dashboard of one endpoint, and the alarms that bring its old version back.

The dashboard is in the model's stack, not among those of the API: CloudFormation names the
endpoint, and other stacks know only names that we give.
"""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name
from lading.functions.contract.names import METRICS
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS, WatchedEndpoint, requests
from lading.stacks.monitoring.alarms import make_alarms
from lading.stacks.monitoring.signals import WatchedModel, lambda_metric, service_metric

_MINUTE = Duration.minutes(1)
_WIDTH, _HEIGHT = 12, 6


class RollbackAlarms(Construct):
    """The alarms that bring an endpoint's old version back while a new one takes over.

    They look at the proxy function, whose name is known before the endpoint is made: an alarm on
    the endpoint's own metrics would have to be made after it, and the endpoint names its alarms.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        model: the proxy function.
        topic: who is told.
    """

    def __init__(
        self, scope: Construct, id_: str, *, model: WatchedModel, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self._model, self._topic = model, topic
        failures = service_metric(model, METRICS.server_errors)
        answered = service_metric(model, METRICS.requests)
        crashes = lambda_metric(model, "Errors", "Sum")
        invoked = lambda_metric(model, "Invocations", "Sum")
        self.alarms = [
            self._alarm("Failures", ALARMS.update_failures, failures, answered),
            self._alarm("Crashes", ALARMS.update_crashes, crashes, invoked),
        ]

    def _alarm(
        self, id_: str, key: str, failed: cloudwatch.Metric, of: cloudwatch.Metric
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            alarm_name=alarm_name(self._model.function, key),
            alarm_description=(
                f"Model {self._model.name} fails; while its endpoint changes this brings the old "
                "version back. To replace a version that rings, set update.rollback: false."
            ),
            metric=cloudwatch.MathExpression(
                expression="failed / requests",
                using_metrics={"failed": failed, "requests": of},
                label=key,
                period=_MINUTE,
            ),
            threshold=self._model.error_rate,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=2,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm


class EndpointWatch(Construct):
    """Alarms on an endpoint, and a dashboard of it.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        endpoint: what to watch.
        topic: who is told.
        title: the dashboard's name.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: WatchedEndpoint,
        topic: sns.ITopic,
        title: str,
    ) -> None:
        super().__init__(scope, id_)
        signals = ENDPOINT_SIGNALS[endpoint.mode]
        self.alarms = make_alarms(self, signals, endpoint, topic, math=True)
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=title, default_interval=Duration.days(1)
        )
        rows = [(signal.title, signal.metric(endpoint), signal.key) for signal in signals]
        self.dashboard.add_widgets(
            _graph("Requests", requests(endpoint), []),
            *(_graph(text, line, [self.alarms[key].to_annotation()]) for text, line, key in rows),
            cloudwatch.AlarmStatusWidget(
                title="Alarms", alarms=list(self.alarms.values()), width=_WIDTH * 2
            ),
        )


def _graph(
    title: str, line: cloudwatch.IMetric, limits: Sequence[cloudwatch.HorizontalAnnotation]
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title, left=[line], left_annotations=limits, width=_WIDTH, height=_HEIGHT
    )
