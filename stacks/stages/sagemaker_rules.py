"""The combinations of endpoint settings that AWS accepts, checked before anything is created.

Sources, as of November 2026: the service description of CreateEndpointConfig, CreateEndpoint and
CreateInferenceComponent; the SageMaker developer guide on deployment guardrails and what they
exclude, on scaling an endpoint to zero instances, and on asynchronous inference.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lading.functions.contract.limits import SAGEMAKER
from lading.stacks.stages.sagemaker import Metric, Mode, Policy, SageMakerSettings, has_accelerator

OWN_ALARMS = 3
"""Lading's own alarms that roll an update back: failures, crashes, and the judge's."""
LEAST_TO_SHIFT = 2
"""One instance cannot be split."""
LEAST_LINEAR_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """A row of the table: the settings that one mode accepts.

    Args:
        fewest: values of `count.min`.
        policies: update policies.
        metrics: metrics of scaling.
        own: keys that only this mode has.
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
"""Mode -> the settings that it accepts."""


@dataclass(frozen=True, slots=True)
class SettingRule:
    """A rule for every mode.

    Args:
        key: the setting that breaks it.
        row: what AWS accepts, and why.
        broken: returns whether settings break it.
    """

    key: str
    row: str
    broken: Callable[[SageMakerSettings], bool]


def _steps(settings: SageMakerSettings) -> int:
    """Return the number of waits of a whole update."""
    if settings.policy in {"linear", "rolling"}:
        return -(-100 // settings.percent)
    return 1


RULES = (
    SettingRule(
        "instances",
        f"an endpoint has at most {SAGEMAKER.instance_types} instance types",
        lambda it: len(it.instances) > SAGEMAKER.instance_types,
    ),
    SettingRule(
        "count.max", "count.max must be count.min or more", lambda it: it.count.max < it.fewest
    ),
    SettingRule(
        "update.policy",
        "canary, linear and rolling shift at most half of the instances at once, so they need a "
        "count.min of 2 or more; otherwise use all_at_once",
        lambda it: (
            it.mode != "scale_to_zero" and it.policy != "all_at_once" and it.fewest < LEAST_TO_SHIFT
        ),
    ),
    SettingRule(
        "update.policy",
        "ml.inf1 supports only all_at_once: SageMaker's deployment guardrails exclude it",
        lambda it: (
            it.policy != "all_at_once" and any(name.startswith("ml.inf1.") for name in it.instances)
        ),
    ),
    SettingRule(
        "update.percent",
        "with linear, update.percent must be 10 to 50",
        lambda it: it.policy == "linear" and it.percent < LEAST_LINEAR_PERCENT,
    ),
    SettingRule(
        "update.percent",
        "update.percent has no effect with all_at_once, or with mode scale_to_zero, which "
        "replaces one copy at a time; remove it",
        lambda it: (
            it.update.percent is not None
            and (it.policy == "all_at_once" or it.mode == "scale_to_zero")
        ),
    ),
    SettingRule(
        "update.timeout_s",
        "update.timeout_s must be longer than all waits of the update together",
        lambda it: (
            _steps(it) * it.update.wait_s + it.update.termination_wait_s >= it.update.timeout_s
        ),
    ),
    SettingRule(
        "update.alarms",
        f"an update watches at most {SAGEMAKER.alarms} alarms, and {OWN_ALARMS} are Lading's own",
        lambda it: len(it.update.alarms) > SAGEMAKER.alarms - OWN_ALARMS,
    ),
    SettingRule(
        "update.alarms",
        "update.alarms has no effect without update.rollback; remove one of them",
        lambda it: bool(it.update.alarms) and not it.update.rollback,
    ),
    SettingRule(
        "volume_key",
        "instance types with local disks accept no volume_key, because their hardware encrypts the "
        "disks; remove it",
        lambda it: it.volume_key is not None and it.local_storage,
    ),
    SettingRule(
        "inference_ami",
        "inference_ami has a driver of accelerators and has no effect on instance types without "
        "any; remove it",
        lambda it: it.inference_ami is not None and not any(map(has_accelerator, it.instances)),
    ),
)
"""In the order in which they are checked."""


def impossible(settings: SageMakerSettings) -> Iterator[tuple[str, str]]:
    """Yield what AWS would refuse: the key, and the rule that it breaks."""
    allowed = TABLE[settings.mode]
    for key, value, known in (
        ("update.policy", settings.policy, allowed.policies),
        ("scaling.metric", settings.metric, allowed.metrics),
    ):
        if value not in known:
            yield key, f"mode {settings.mode} supports {' or '.join(known)}, not {value}"
    if settings.fewest not in allowed.fewest:
        first, last = allowed.fewest[0], allowed.fewest[-1]
        values = f"{first}" if first == last else f"{first} to {last}"
        yield "count.min", f"mode {settings.mode} requires {values}, not {settings.fewest}"
    for mode, row in TABLE.items():
        for key in row.own:
            if mode != settings.mode and key in settings.model_fields_set:
                yield (
                    key,
                    f"only mode {mode} has this key, and the mode is {settings.mode}; remove it",
                )
    yield from ((rule.key, rule.row) for rule in RULES if rule.broken(settings))
