"""Alarms and the dashboard of one endpoint, and the alarms that roll its updates back.

The dashboard is in the model's stack: CloudFormation names the endpoint, and the API's stack with
the other dashboards knows only names that we choose.
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name
from lading.functions.contract.names import METRICS
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS, WatchedEndpoint, requests
from lading.stacks.monitoring.alarms import MINUTE, make_alarms, rollback_alarm
from lading.stacks.monitoring.dashboards import graph
from lading.stacks.monitoring.signals import WatchedModel, lambda_metric, service_metric


class RollbackAlarms(Construct):
    """The alarms that roll back an update of an endpoint.

    They watch the proxy function, whose name is known before the endpoint exists. An alarm on the
    endpoint's own metrics would have to be created after it, but the endpoint names its alarms.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        model: the proxy function.
        topic: receives the alarms.
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
        return rollback_alarm(
            self,
            id_,
            name=alarm_name(self._model.function, key),
            description=(
                f"Too many requests to model {self._model.name} fail. SageMaker rolls an update of "
                "its endpoint back. To replace a failing version, use `update: {rollback: false}`."
            ),
            rate=cloudwatch.MathExpression(
                expression="failed / requests",
                using_metrics={"failed": failed, "requests": of},
                label=key,
                period=MINUTE,
            ),
            threshold=self._model.error_rate,
            periods=2,
            topic=self._topic,
        )


class EndpointWatch(Construct):
    """The alarms and the dashboard of an endpoint.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        endpoint: what is watched.
        topic: receives the alarms.
        title: name of the dashboard.
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
        alarms = make_alarms(self, signals, endpoint, topic)
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=title, default_interval=Duration.days(1)
        )
        dashboard.add_widgets(
            graph("Requests", [requests(endpoint)]),
            *(
                graph(
                    signal.title,
                    [signal.metric(endpoint)],
                    left_annotations=[alarms[signal.key].to_annotation()],
                )
                for signal in signals
            ),
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.values()), width=24),
        )
