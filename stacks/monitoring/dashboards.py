"""Two dashboards of the same signals that ring: what callers feel, and what operators turn.

They name no version of a model: where only metrics with one tell something, they search.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, alarm_name
from lading.functions.contract.names import METRICS
from lading.stacks.monitoring.signals import (
    API_SIGNALS,
    MODEL_SIGNALS,
    PERIOD,
    Dashboard,
    Signal,
    WatchedApi,
    WatchedModel,
    api_metric,
    service_metric,
)
from lading.stacks.stages.settings import Names

_WIDTH, _HEIGHT = 12, 6
_MOST_LINES = 100
"""Of one widget: lines, or alarms in a list."""

_SERVICE_TEXT = """\
# {prefix}: what callers feel
Every line of a model is named after it. The time here is the function's own; the gateway, the
authorizer and, for root paths, the front function add to it. `{prefix}-operations` has the causes.
"""

_OPERATIONS_TEXT = """\
# {prefix}: what to turn
A roll-out sends part of the traffic to a new version; the graph *new and old version* has lines
only while it lasts. Afterwards `<function>-canary-quiet` says what it was worth: **OK** - judged;
**ALARM** - *not judged*, the new version saw too few requests; **INSUFFICIENT_DATA** - *not
judged*, it saw none; or there was no roll-out. One that was not judged only did not fail.
"""


class Dashboards(Construct):
    """Both dashboards of a stage.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        names: names of the stage.
        apis: the APIs.
        models: the models, of all of them.
        functions: the APIs' own functions, as the front function.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        names: Names,
        apis: Sequence[WatchedApi],
        models: Sequence[WatchedModel],
        functions: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        self._names = names
        self.service = self._dashboard(
            "service",
            _SERVICE_TEXT,
            [
                *(widget for api in apis for widget in _api_widgets(api)),
                _requests(models),
                *_model_widgets(models, "service"),
                _times(models),
            ],
        )
        self.operations = self._dashboard(
            "operations",
            _OPERATIONS_TEXT,
            [
                *_alarm_lists(self, models, apis),
                *_model_widgets(models, "operations"),
                _rollouts(names),
                _own_functions(functions),
            ],
        )

    @property
    def url(self) -> str:
        """Where the service dashboard is seen."""
        region = Stack.of(self).region
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#dashboards/dashboard/{_name(self._names, 'service')}"
        )

    def _dashboard(
        self, which: Dashboard, text: str, widgets: Iterable[cloudwatch.IWidget]
    ) -> cloudwatch.Dashboard:
        dashboard = cloudwatch.Dashboard(
            self,
            which.capitalize(),
            dashboard_name=_name(self._names, which),
            default_interval=Duration.days(1),
        )
        heading = text.format(prefix=self._names.prefix)
        dashboard.add_widgets(cloudwatch.TextWidget(markdown=heading, width=24, height=3))
        dashboard.add_widgets(*widgets)
        return dashboard


def _name(names: Names, which: Dashboard) -> str:
    return f"{names.prefix}-{which}"


def _graph(title: str, lines: Sequence[cloudwatch.IMetric], **more: Any) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=lines, width=_WIDTH, height=_HEIGHT, **more)


def _api_widgets(api: WatchedApi) -> Iterator[cloudwatch.IWidget]:
    yield _graph(f"{api.name}: requests", [api_metric(api, "Count", "Sum")])
    for signal in API_SIGNALS:
        limit = cloudwatch.HorizontalAnnotation(value=signal.threshold(api), label="alarm")
        title = f"{api.name}: {signal.title}"
        yield _graph(title, [signal.metric(api)], left_annotations=[limit])


def _model_widgets(
    models: Sequence[WatchedModel], dashboard: Dashboard
) -> Iterator[cloudwatch.IWidget]:
    for signal in MODEL_SIGNALS:
        if signal.dashboard == dashboard:
            for some in _chunks(models, _MOST_LINES):
                lines = [_labeled(signal.metric(model), model) for model in some]
                yield _graph(signal.title, lines, left_annotations=_limits(signal, some))


def _limits(
    signal: Signal[WatchedModel], models: Sequence[WatchedModel]
) -> list[cloudwatch.HorizontalAnnotation]:
    """The values that ring: one line for all models that share it."""
    values = sorted({signal.threshold(model) for model in models})
    return [cloudwatch.HorizontalAnnotation(value=value, label="alarm") for value in values]


def _labeled(metric: cloudwatch.IMetric, model: WatchedModel) -> cloudwatch.IMetric:
    return metric.with_(label=model.name) if isinstance(metric, cloudwatch.Metric) else metric


def _requests(models: Sequence[WatchedModel]) -> cloudwatch.IWidget:
    lines = [_labeled(service_metric(model, METRICS.requests), model) for model in models]
    return _graph("Requests of each model", lines)


def _times(models: Sequence[WatchedModel]) -> cloudwatch.IWidget:
    """Decode, compute and encode, side by side."""
    schema = ",".join((METRICS.namespace, *sorted(METRICS.dimensions)))
    seconds = f"{PERIOD.to_seconds():.0f}"
    named = " OR ".join(f'model="{model.name}"' for model in models) or 'model=""'
    lines = [
        cloudwatch.MathExpression(
            expression=f"AVG(SEARCH('{{{schema}}} ({named}) MetricName=\"{name}\"', 'p99', "
            f"{seconds}))",
            label=part,
            period=PERIOD,
        )
        for part, name in METRICS.times.items()
        if part != "total"
    ]
    return _graph("Where the time goes, ms (mean of the models' 99th percentiles)", lines)


def _rollouts(names: Names) -> cloudwatch.IWidget:
    search = (
        "{AWS/Lambda,ExecutedVersion,FunctionName,Resource} "
        f'MetricName=("Errors" OR "Invocations") "{names.function("")}"'
    )
    expression = f"SEARCH('{search}', 'Sum', {PERIOD.to_seconds():.0f})"
    line = cloudwatch.MathExpression(expression=expression, label="", period=PERIOD)
    return _graph("Roll-outs: new and old version", [line])


def _own_functions(functions: Sequence[str]) -> cloudwatch.IWidget:
    """The front function's time less the models' is what a root path costs."""
    lines = [
        cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": function},
            statistic=statistic,
            period=PERIOD,
            label=f"{function} {name.lower()}",
        )
        for function in functions
        for name, statistic in (("Duration", "p99"), ("Errors", "Sum"), ("Throttles", "Sum"))
    ]
    return _graph("Front function and authorizer", lines)


def _alarm_lists(
    scope: Construct, models: Sequence[WatchedModel], apis: Sequence[WatchedApi]
) -> Iterator[cloudwatch.IWidget]:
    """Every alarm by its name: those of the models are other stacks'."""
    watched = [(api.alarm_prefix, API_SIGNALS) for api in apis]
    names = [alarm_name(prefix, signal.key) for prefix, signals in watched for signal in signals]
    for model in models:
        keys = [signal.key for signal in MODEL_SIGNALS]
        keys += [ALARMS.canary_quiet, *model.endpoint_alarms]
        names += [alarm_name(model.alarm_prefix, key) for key in keys]
    for number, some in enumerate(_chunks(names, _MOST_LINES)):
        alarms = [_alarm(scope, name) for name in some]
        title = "Alarms" if number == 0 else f"Alarms, continued ({number + 1})"
        yield cloudwatch.AlarmStatusWidget(title=title, alarms=alarms, width=24)


def _alarm(scope: Construct, name: str) -> cloudwatch.IAlarm:
    arn = Stack.of(scope).format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return cloudwatch.Alarm.from_alarm_arn(scope, name, arn)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
