"""Two dashboards of the signals that have alarms: what callers notice, and what operators change.

They name no version of a model; metrics that exist only by version are found by a search.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from lading.functions.contract.alarms import ALARMS, RUNBOOK, alarm_name, runbook_page
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import CAPTURE, DRIFT, METRICS
from lading.stacks.monitoring.log_queries import memory, refusals, sizes, starts
from lading.stacks.monitoring.signals import (
    API_SIGNALS,
    MODEL_SIGNALS,
    PERIOD,
    Dashboard,
    Signal,
    WatchedApi,
    WatchedModel,
    api_metric,
    expression,
    service_metric,
)

_WIDTH, _HEIGHT = 12, 6
_MOST_LINES = 100
"""Of one widget: lines of a graph, or alarms in a list."""

_MOST_SEARCHED = 12
"""Functions in one search, whose names have at most 64 characters."""

_VERDICTS = (ALARMS.canary_quiet, ALARMS.rollout_worse, ALARMS.rollout_undecided, ALARMS.drift)
"""Alarms that the lists of signals do not have."""

_SERVICE_TEXT = """\
# {prefix}: what callers notice
Each line of a model has the model's name. Latency here is the function's own; the gateway, the
authorizer and, for root paths, the front function add to it. `{prefix}-operations` shows causes.

Runbook: {pages}
"""

_OPERATIONS_TEXT = """\
# {prefix}: operations
During a roll-out the new version gets a part of the traffic, and the graph *new and old version*
has lines. Afterwards the alarm `<function>-{quiet}` shows whether it was judged: **OK** - judged;
**ALARM** - *not judged*, too few requests; **INSUFFICIENT_DATA** - *not judged*, no requests, or
there was no roll-out. A version that was not judged did not fail, but nothing is known about it.

Runbook: {pages}
"""


class Dashboards(Construct):
    """Both dashboards of a stage.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        prefix: start of the dashboards' names; dashboards are global in an account.
        stage: value of the metrics' dimension `stage`.
        apis: the APIs.
        models: the models of all APIs.
        functions: names of the APIs' own functions, such as the front function.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        prefix: str,
        stage: str,
        apis: Sequence[WatchedApi],
        models: Sequence[WatchedModel],
        functions: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        self._prefix = prefix
        self._runbook = next((api.runbook for api in apis), RUNBOOK)
        self._dashboard(
            "service",
            _SERVICE_TEXT,
            [
                *(widget for api in apis for widget in _api_widgets(api)),
                *_requests(models),
                *_model_widgets(models, "service"),
                _latencies(stage),
                *_live(models, stage),
            ],
        )
        self._dashboard(
            "operations",
            _OPERATIONS_TEXT,
            [
                *_alarm_lists(self, models, apis),
                *_model_widgets(models, "operations"),
                *_rollouts(models),
                *_verdicts(models, stage),
                *(widget for api in apis for widget in refusals(api, Stack.of(self).region)),
                *starts(models),
                *sizes(models),
                *memory(models),
                _own_functions(functions),
            ],
        )

    @property
    def url(self) -> str:
        """URL of the service dashboard in the console."""
        region = Stack.of(self).region
        return (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#dashboards/dashboard/{self._prefix}-service"
        )

    def _dashboard(
        self, which: Dashboard, text: str, widgets: Iterable[cloudwatch.IWidget]
    ) -> None:
        dashboard = cloudwatch.Dashboard(
            self,
            which.capitalize(),
            dashboard_name=f"{self._prefix}-{which}",
            default_interval=Duration.days(1),
        )
        heading = text.format(
            prefix=self._prefix, quiet=ALARMS.canary_quiet, pages=_pages(which, self._runbook)
        )
        dashboard.add_widgets(cloudwatch.TextWidget(markdown=heading, width=24, height=5))
        dashboard.add_widgets(*widgets)


def _pages(dashboard: Dashboard, runbook: str) -> str:
    """Return links to the pages of the alarms on a dashboard."""
    keys = [it.page or it.key for it in MODEL_SIGNALS if it.dashboard == dashboard]
    keys += [it.page or it.key for it in API_SIGNALS if it.dashboard == dashboard]
    keys += [*_VERDICTS] if dashboard == "operations" else []
    return ", ".join(f"[{key}]({runbook_page(runbook, key)})" for key in keys)


def graph(title: str, lines: Sequence[cloudwatch.IMetric], **more: Any) -> cloudwatch.GraphWidget:
    """Return a graph of the usual size."""
    return cloudwatch.GraphWidget(title=title, left=lines, width=_WIDTH, height=_HEIGHT, **more)


def _api_widgets(api: WatchedApi) -> Iterator[cloudwatch.IWidget]:
    yield graph(f"{api.name}: requests", [api_metric(api, "Count", "Sum")])
    for signal in API_SIGNALS:
        limit = cloudwatch.HorizontalAnnotation(value=signal.threshold(api), label="alarm")
        title = f"{api.name}: {signal.title}"
        yield graph(title, [signal.metric(api)], left_annotations=[limit])


def _model_widgets(
    models: Sequence[WatchedModel], dashboard: Dashboard
) -> Iterator[cloudwatch.IWidget]:
    for signal in MODEL_SIGNALS:
        if signal.dashboard == dashboard:
            for some in _chunks(models, _MOST_LINES):
                lines = [_labeled(signal.metric(model), model) for model in some]
                yield graph(signal.title, lines, left_annotations=_limits(signal, some))


def _limits(
    signal: Signal[WatchedModel], models: Sequence[WatchedModel]
) -> list[cloudwatch.HorizontalAnnotation]:
    """Return the thresholds of alarms: one line for all models that share it."""
    values = sorted({signal.threshold(model) for model in models})
    return [cloudwatch.HorizontalAnnotation(value=value, label="alarm") for value in values]


def _labeled(metric: cloudwatch.IMetric, model: WatchedModel) -> cloudwatch.IMetric:
    return metric.with_(label=model.name) if isinstance(metric, cloudwatch.Metric) else metric


def _requests(models: Sequence[WatchedModel]) -> Iterator[cloudwatch.IWidget]:
    for some in _chunks(models, _MOST_LINES):
        lines = [_labeled(service_metric(model, METRICS.requests), model) for model in some]
        yield graph("Requests of each model", lines)


def _latencies(stage: str) -> cloudwatch.IWidget:
    """Return a graph of the parts of an answer: decode, compute and encode."""
    schema = ",".join((METRICS.namespace, *sorted((*METRICS.dimensions, METRICS.stage))))
    lines = []
    for part, name in METRICS.times.items():
        if part != "total":
            terms = f'{METRICS.stage}="{stage}" MetricName="{name}"'
            lines.append(expression(f"AVG({_search(schema, terms, 'p99')})", {}, part))
    return graph("Parts of the latency, ms (mean of the models' p99)", lines)


def _live(models: Sequence[WatchedModel], stage: str) -> Iterator[cloudwatch.IWidget]:
    """Yield graphs of the accuracy and of the errors of models that callers send truths about."""
    told = [model for model in models if model.feedback]
    for title, part, whole in (
        ("Live accuracy, by feedback", CAPTURE.correct, CAPTURE.labeled),
        ("Live mean absolute error of numbers, by feedback", CAPTURE.error, CAPTURE.rows),
    ):
        for some in _chunks(told, _MOST_LINES):
            lines = [_ratio(model.name, stage, part, whole) for model in some]
            yield graph(title, lines)


def _ratio(model: str, stage: str, part: str, whole: str) -> cloudwatch.IMetric:
    """Return the ratio of two counts of a model, of all its versions together."""
    schema = ",".join((METRICS.namespace, *sorted((*METRICS.dimensions[:2], METRICS.stage))))
    of = f'{METRICS.stage}="{stage}" model="{model}" MetricName='
    both = (_search(schema, f'{of}"{name}"', "Sum") for name in (part, whole))
    return expression(" / ".join(f"SUM({each})" for each in both), {}, model)


def _rollouts(models: Sequence[WatchedModel]) -> Iterator[cloudwatch.IWidget]:
    """Yield a graph of both versions of each function; a search finds whole names only."""
    lines = []
    for some in _chunks(models, _MOST_SEARCHED):
        names = " OR ".join(f'"{model.function}"' for model in some)
        terms = f'MetricName=("Errors" OR "Invocations") FunctionName=({names})'
        found = _search("AWS/Lambda,ExecutedVersion,FunctionName,Resource", terms, "Sum")
        lines.append(expression(found, {}, ""))
    if lines:
        yield graph("Roll-outs: new and old version", lines)


def _verdicts(models: Sequence[WatchedModel], stage: str) -> Iterator[cloudwatch.IWidget]:
    """Yield graphs of what the judge of roll-outs finds, and of drift: empty where neither runs."""
    for some in _chunks(models, _MOST_LINES // 2):
        lines = [
            _verdict(JUDGE.evidence, model.name, function_name=model.function) for model in some
        ]
        limit = cloudwatch.HorizontalAnnotation(value=1, label="worse")
        title = "Roll-outs: evidence that the new version is worse"
        yield graph(title, lines, left_annotations=[limit])
        drifting = [
            _verdict(DRIFT.features, model.name, model=model.name, stage=stage) for model in some
        ]
        limit = cloudwatch.HorizontalAnnotation(value=1, label="alarm")
        yield graph("Inputs and answers that drift", drifting, left_annotations=[limit])
        shares = [
            _verdict(name, f"{model.name} {label}", model=model.name, stage=stage)
            for model in some
            for name, label in ((DRIFT.missing, "missing"), (DRIFT.outside, "outside"))
        ]
        shifts = [
            _verdict(DRIFT.largest, model.name, model=model.name, stage=stage) for model in some
        ]
        yield graph("Largest shift of an input or answer (PSI)", shifts)
        yield graph("Share of missing values, and of values outside the range", shares)


def _verdict(name: str, label: str, **dimensions: str) -> cloudwatch.IMetric:
    """Return one of the metrics of a verdict, which has a value now and then."""
    return cloudwatch.Metric(
        namespace=METRICS.namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic="Maximum",
        period=PERIOD,
        label=label,
    )


def _search(schema: str, terms: str, statistic: str) -> str:
    """Return a search for metrics; CloudWatch accepts at most 1,024 characters."""
    return f"SEARCH('{{{schema}}} {terms}', '{statistic}', {PERIOD.to_seconds():.0f})"


def _own_functions(functions: Sequence[str]) -> cloudwatch.IWidget:
    """Return a graph of the APIs' own functions, whose time root paths pay for."""
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
    return graph("Front function and authorizer", lines)


def _alarm_lists(
    scope: Construct, models: Sequence[WatchedModel], apis: Sequence[WatchedApi]
) -> Iterator[cloudwatch.IWidget]:
    """Yield lists of all alarms, by their names: those of models belong to other stacks."""
    names = [alarm_name(api.name, signal.key) for api in apis for signal in API_SIGNALS]
    for model in models:
        keys = [signal.key for signal in MODEL_SIGNALS]
        keys += [ALARMS.canary_quiet, *model.endpoint_alarms]
        names += [alarm_name(model.function, key) for key in keys]
    for number, some in enumerate(_chunks(names, _MOST_LINES)):
        alarms = [_existing_alarm(scope, name) for name in some]
        title = "Alarms" if number == 0 else f"Alarms, continued ({number + 1})"
        yield cloudwatch.AlarmStatusWidget(title=title, alarms=alarms, width=24)


def _existing_alarm(scope: Construct, name: str) -> cloudwatch.IAlarm:
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
