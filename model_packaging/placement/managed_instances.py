"""The limits and rules of Lambda Managed Instances, from the dated `managed_instances.yaml`."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lading.model_packaging.manifest.located_yaml import LocatedYaml

TABLE = Path(__file__).with_name("managed_instances.yaml")


class Limit(NamedTuple):
    """The values that AWS accepts for one setting, and where that is written."""

    least: int
    most: int
    source: str


class ManagedInstances(NamedTuple):
    """The content of the file.

    `rules` maps a rule's name to its text and its source.
    """

    as_of: date
    limits: Mapping[str, Limit]
    gpu_memory_gb: tuple[int, ...]
    default_environments: int
    rules: Mapping[str, tuple[str, str]]

    def refuse(self, setting: str, value: float) -> str:
        """Return why AWS does not accept a value; empty if it does."""
        limit = self.limits[setting]
        if limit.least <= value <= limit.most:
            return ""
        return f"must be from {limit.least} to {limit.most:,}, got {value:,}"


@cache
def managed_instances() -> ManagedInstances:
    """Read the table once."""
    document = LocatedYaml(TABLE).value
    return ManagedInstances(
        as_of=document["as_of"],
        limits={name: Limit(**each) for name, each in document["limits"].items()},
        gpu_memory_gb=tuple(document["gpu_memory_gb"]["values"]),
        default_environments=document["default_environments"]["value"],
        rules={name: (each["rule"], each["source"]) for name, each in document["rules"].items()},
    )
