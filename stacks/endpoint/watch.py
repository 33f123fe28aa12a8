"""Alarms and the dashboard of one endpoint, and the alarms that roll its updates back.

The dashboard is in the model's stack: CloudFormation names the endpoint, and the API's stack with
the other dashboards knows only names that we choose.
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from lading.functions.contract.alarms import ALARMS
from lading.functions.contract.names import METRICS
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS, WatchedEndpoint, panels, requests
from lading.stacks.monitoring.alarms import MINUTE, make_alarms, rollback_alarm
from lading.stacks.monitoring.dashboards import graph
from lading.stacks.monitoring.signals import WatchedModel, expression, lambda_metric, service_metric


def rollback_alarms(
    scope: Construct, model: WatchedModel, topic: sns.ITopic
) -> list[cloudwatch.Alarm]:
    """Create the alarms that roll back an update of an endpoint.

    They watch the proxy function, whose name is known before the endpoint exists. An alarm on the
    endpoint's own metrics would have to be created after it, but the endpoint names its alarms.
    """
    failures = service_metric(model, METRICS.server_errors)
    answered = service_metric(model, METRICS.requests)
    crashes = lambda_metric(model, "Errors", "Sum")
    description = (
        f"Too many requests to model {model.name} fail. SageMaker rolls an update of its endpoint "
        "back. To replace a failing version, use `update: {rollback: false}`."
    )
    alarms = []
    for id_, key, failed, text in (
        ("Failures", ALARMS.update_failures, failures, "failed / requests"),
        ("Crashes", ALARMS.update_crashes, crashes, "failed / (failed + FILL(requests, 0))"),
    ):
        rate = expression(text, {"failed": failed, "requests": answered}, key, MINUTE)
        alarm = rollback_alarm(
            scope, id_, model=model, key=key, rate=rate, description=description, periods=2
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
        alarms.append(alarm)
    return alarms


def watch_endpoint(
    scope: Construct, prefix: str, endpoint: WatchedEndpoint, topic: sns.ITopic
) -> None:
    """Create the alarms of an endpoint, whose names start with `prefix`, and its dashboard."""
    signals = ENDPOINT_SIGNALS[endpoint.mode]
    alarms = make_alarms(scope, prefix, signals, endpoint, topic)
    dashboard = cloudwatch.Dashboard(
        scope, "Dashboard", dashboard_name=endpoint.dashboard, default_interval=Duration.days(1)
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
        *(graph(title, [metric]) for title, metric in panels(endpoint).items()),
        cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.values()), width=24),
    )
