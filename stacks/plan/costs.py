"""The parts of a stage that cost money, counted from its settings without the CDK.

A test compares the counts with the templates of a stage that has everything.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lading.model_packaging.placement.stage_costs import StageParts
from lading.stacks.stages.sagemaker import Mode
from lading.stacks.stages.settings import Deployment, ModelSettings

ALARM_METRICS_OF_API = 6
ALARM_METRICS_OF_MODEL = 14
"""Metrics that the alarms of a model's function and of its canary read."""
ALARM_METRICS_OF_ENDPOINT: Mapping[Mode, int] = MappingProxyType(
    {"steady": 9, "scale_to_zero": 11, "async": 10}
)
"""Metrics that the alarms of an endpoint and of its updates read."""
FIREWALL_RULES = 4
DASHBOARDS, KEYS = 2, 2
"""Of the stage itself."""


def count_parts(
    deployment: Deployment, targets: Mapping[str, str], hours: Mapping[str, float]
) -> StageParts:
    """Count what a stage has in one region.

    Args:
        deployment: the stage.
        targets: model -> its target in the lock.
        hours: instance type -> dollars per hour, of SageMaker's (`ml.…`) and of EC2's.
    """
    stage = deployment.settings
    models = {name: stage.model(name) for name in targets}
    endpoints = [models[name] for name in targets if targets[name] == "sagemaker"]
    hosts = [models[name] for name in targets if targets[name] == "lambda-managed"]
    plain = [models[name] for name in targets if targets[name] == "lambda"]
    started = [*plain, *(each for each in endpoints if each.sagemaker.snap_start)]
    checked = 1.0 if stage.auth == "token" and not stage.authorizer_cache_s else 0.0
    return StageParts(
        models=len(models),
        snapshot_gb=sum(each.memory_mb / 1024 for each in started if each.snap_start),
        provisioned_gb=sum(
            each.provisioned_concurrency.count * each.memory_mb / 1024
            for each in plain
            if each.provisioned_concurrency
        ),
        instances_hour=sum(_instances_hour(each, hours) for each in endpoints),
        hosts_hour=sum(_hosts_hour(each, hours) for each in hosts),
        alarm_metrics=ALARM_METRICS_OF_API
        + len(models) * ALARM_METRICS_OF_MODEL
        + sum(ALARM_METRICS_OF_ENDPOINT[each.sagemaker.mode] for each in endpoints),
        dashboards=DASHBOARDS + len(endpoints),
        keys=KEYS + len(endpoints),
        firewall_rules=FIREWALL_RULES if deployment.waf else 0,
        authorizer=checked,
        tables=1 + 2 * len(endpoints),
    )


def _instances_hour(model: ModelSettings, hours: Mapping[str, float]) -> float:
    """Return the hourly price of the instances that run without requests."""
    settings = model.sagemaker
    fewest = 0 if settings.mode == "scale_to_zero" else settings.fewest
    return fewest * hours.get(settings.instances[0], 0.0) if settings.instances else 0.0


def _hosts_hour(model: ModelSettings, hours: Mapping[str, float]) -> float:
    """Return the hourly price of hosts: at least one, also if no environment is kept."""
    prices = [hours[each] for each in model.managed.instances if each in hours]
    return max(1, model.managed.environments.fewest) * max(prices, default=0.0)
