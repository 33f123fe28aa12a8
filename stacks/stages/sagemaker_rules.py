"""Which settings of an endpoint AWS takes together: a table, read before anything is made.

Sources, as of November 2026: the service description of CreateEndpointConfig, CreateEndpoint and
CreateInferenceComponent; the SageMaker developer guide on deployment guardrails and what they
exclude, on scaling an endpoint to zero instances, and on asynchronous inference.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lading.functions.contract.limits import SAGEMAKER
from lading.stacks.stages.sagemaker import Metric, Mode, Policy, SageMakerSettings

OWN_ALARMS = 2
"""Alarms of ours that bring an old version back."""
FEWEST_TO_SHIFT = 2
"""Of one instance there is no half."""
LEAST_LINEAR_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """A row of the table: what one mode takes.

    Args:
        fewest: least values of `count.min`.
        policies: update policies.
        metrics: what the number may follow.
        own: keys that say something in this mode alone.
    """

    fewest: range
    policies: tuple[Policy, ...]
    metrics: tuple[Metric, ...]
    own: tuple[str, ...] = ()


TABLE: Mapping[Mode, Allowed] = MappingProxyType(
    {
        "steady": Allowed(
            fewest=range(1, 101),
            policies=("canary", "linear", "rolling", "all_at_once"),
            metrics=("concurrency", "invocations"),
        ),
        "scale_to_zero": Allowed(
            fewest=range(1),
            policies=("rolling",),
            metrics=("concurrency", "invocations"),
            own=("component",),
        ),
        "async": Allowed(
            fewest=range(101),
            policies=("canary", "linear", "rolling", "all_at_once"),
            metrics=("backlog",),
            own=("queue",),
        ),
    }
)
"""Mode -> what goes with it."""


@dataclass(frozen=True, slots=True)
class SettingRule:
    """A row that holds whatever the mode.

    Args:
        key: the setting at fault.
        row: what AWS allows, and why.
        broken: whether settings break it.
    """

    key: str
    row: str
    broken: Callable[[SageMakerSettings], bool]


def _steps(settings: SageMakerSettings) -> int:
    """Waits of a whole update."""
    if settings.policy in {"linear", "rolling"}:
        return -(-100 // settings.percent)
    return 1


RULES = (
    SettingRule(
        "instances",
        f"an endpoint takes at most {SAGEMAKER.instance_types} instance types",
        lambda it: len(it.instances) > SAGEMAKER.instance_types,
    ),
    SettingRule(
        "count.max",
        "count.max is not below count.min",
        lambda it: it.count.max < it.fewest,
    ),
    SettingRule(
        "update.policy",
        "canary, linear and rolling shift at most half of the instances at once, so count.min is "
        "2 or more; with fewer, all_at_once",
        lambda it: (
            it.mode != "scale_to_zero"
            and it.policy != "all_at_once"
            and it.fewest < FEWEST_TO_SHIFT
        ),
    ),
    SettingRule(
        "update.policy",
        "ml.inf1 takes all_at_once alone: SageMaker's guardrails exclude it",
        lambda it: (
            it.policy != "all_at_once" and any(name.startswith("ml.inf1.") for name in it.instances)
        ),
    ),
    SettingRule(
        "update.percent",
        "linear steps are 10 to 50 percent",
        lambda it: it.policy == "linear" and it.percent < LEAST_LINEAR_PERCENT,
    ),
    SettingRule(
        "update.percent",
        "all_at_once has no steps, and one copy at a time takes over with scale_to_zero",
        lambda it: (
            it.update.percent is not None
            and (it.policy == "all_at_once" or it.mode == "scale_to_zero")
        ),
    ),
    SettingRule(
        "update.timeout_s",
        "update.timeout_s is longer than all waits of the update together",
        lambda it: (
            _steps(it) * it.update.wait_s + it.update.termination_wait_s >= it.update.timeout_s
        ),
    ),
    SettingRule(
        "update.alarms",
        f"an update watches at most {SAGEMAKER.alarms} alarms, {OWN_ALARMS} of them Lading's own",
        lambda it: len(it.update.alarms) > SAGEMAKER.alarms - OWN_ALARMS,
    ),
    SettingRule(
        "update.alarms",
        "alarms need update.rollback",
        lambda it: bool(it.update.alarms) and not it.update.rollback,
    ),
    SettingRule(
        "volume_key",
        "an instance type with disks of its own takes no volume_key: its hardware encrypts them",
        lambda it: it.volume_key is not None and it.local_storage,
    ),
)
"""In the order in which they are looked at."""


def impossible(settings: SageMakerSettings) -> Iterator[tuple[str, str]]:
    """What AWS would refuse: the key at fault, and the row of the table that it breaks."""
    allowed = TABLE[settings.mode]
    for key, value, known in (
        ("update.policy", settings.policy, allowed.policies),
        ("scaling.metric", settings.metric, allowed.metrics),
    ):
        if value not in known:
            yield key, f"mode {settings.mode} takes {' or '.join(known)}, not {value}"
    if settings.fewest not in allowed.fewest:
        first, last = allowed.fewest[0], allowed.fewest[-1]
        told = f"{first}" if first == last else f"{first} to {last}"
        yield "count.min", f"mode {settings.mode} takes {told}, not {settings.fewest}"
    for mode, row in TABLE.items():
        for key in row.own:
            if mode != settings.mode and key in settings.model_fields_set:
                yield key, f"only mode {mode} takes it, and this is {settings.mode}"
    yield from ((rule.key, rule.row) for rule in RULES if rule.broken(settings))
