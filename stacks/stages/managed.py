"""Settings of a model's function on Lambda Managed Instances: `models.<name>.managed`.

    managed:
      instances: [g6.xlarge]
      subnets: [subnet-0a1b2c3d4e5f60718]
      security_groups: [sg-0a1b2c3d4e5f60718]
      gpu_memory_gb: 24
      environments: {min: 1, max: 4}

`model_packaging/placement/managed_instances.yaml` has AWS's limits and rules, with their sources.
"""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from lading.model_packaging.placement.managed_instances import managed_instances
from lading.stacks.stages.sagemaker import StageEntry, unique_names

_SIZE = re.compile(r"^[a-z0-9-]+\.(?:(?P<large>large)|(?P<times>[0-9]*)xlarge)$")
"""A size that says how many vCPUs there are: 2 with large, 4 with xlarge, 8 with 2xlarge."""
_IMAGE = r"^[0-9]{12}\.dkr\.ecr\..+@sha256:[0-9a-f]{64}$"
_GPU_AT_ONCE = 8
"""Requests at once that a GPU gets by default: they wait for it, not for processors."""
_VERSIONS = 2
"""Versions that hold environments during a roll-out."""

Names = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(unique_names)]
_Type = Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]


def _within(setting: str) -> Callable[[float], float]:
    """Return a check of AWS's limit for a setting."""

    def check(value: float) -> float:
        reason = managed_instances().refuse(setting, value)
        if reason:
            raise ValueError(reason)
        return value

    return check


def _gpu_size(value: int | None) -> int | None:
    sizes = managed_instances().gpu_memory_gb
    if value is not None and value not in sizes:
        raise ValueError(f"must be one of {', '.join(map(str, sizes))}, got {value}")
    return value


class Environments(StageEntry):
    """Number of execution environments of a version."""

    min: Annotated[int | None, AfterValidator(lambda it: it if it is None else _few(it))] = None
    """None: AWS's default of three. No text says whether hosts stop with 0."""
    max: Annotated[int | None, AfterValidator(lambda it: it if it is None else _few(it))] = None
    """None: as many as the limit of vCPUs allows."""

    @property
    def range(self) -> tuple[int, int | None]:
        """The fewest and the most environments."""
        return self.fewest, self.max

    @property
    def fewest(self) -> int:
        """The environments that stay without requests."""
        return managed_instances().default_environments if self.min is None else self.min


def _few(value: int) -> int:
    return int(_within("environments")(value))


class ManagedSettings(StageEntry):
    """Settings of one model's function on Lambda Managed Instances."""

    instances: Annotated[tuple[_Type, ...], Field(strict=False), AfterValidator(unique_names)] = ()
    """EC2 instance types of the hosts. Without them Lambda would choose, and their cost with it."""
    subnets: Names = ()
    """Subnets of the hosts; they need a way to CloudWatch, S3 and X-Ray (NAT or endpoints)."""
    security_groups: Names = ()
    provider: str | None = Field(default=None, pattern=r"^arn:[a-z-]+:lambda:.*:capacity-provider:")
    """ARN of a capacity provider of yours, in place of its own; its models trust each other."""
    memory_mb: Annotated[int, AfterValidator(_within("memory_mb"))] = 4096
    """Memory of an environment, for all requests at once."""
    memory_per_vcpu_gib: Annotated[int, AfterValidator(_within("memory_per_vcpu_gib"))] = 4
    concurrency: Annotated[
        int | None, AfterValidator(lambda it: it if it is None else _within("concurrency")(it))
    ] = None
    """Requests at once in an environment, each in its own process; None: one for each vCPU, or
    eight with a GPU."""
    environments: Environments = Environments()
    gpu_memory_gb: Annotated[int | None, AfterValidator(_gpu_size)] = None
    """Memory that a GPU must have at least; None: no GPU."""
    image: str | None = Field(default=None, pattern=_IMAGE)
    """With a GPU: your own image in Amazon ECR, by digest; None: `cdk deploy` builds Lading's."""
    max_vcpus: Annotated[
        int | None, AfterValidator(lambda it: it if it is None else _within("vcpus")(it))
    ] = None
    """Most vCPUs of all hosts; None: enough for the fewest environments of two versions. Other
    people could not heal a provider that was created with too few."""
    utilization_percent: int | None = Field(default=None, ge=1, le=100)
    """Utilization of the processors, or of the GPUs, above which hosts are added; None: Lambda
    decides, or 60 with a GPU."""

    @model_validator(mode="after")
    def _agree(self) -> "ManagedSettings":
        own = (self.instances, self.subnets, self.security_groups)
        if self.provider and any(own):
            raise ValueError("provider excludes instances, subnets and security_groups")
        if self.image and self.gpu_memory_gb is None:
            raise ValueError("image is for functions with gpu_memory_gb")
        fewest, most = self.environments.fewest, self.environments.max
        if most is not None and most < fewest:
            raise ValueError(f"environments.max is {most}, but environments.min is {fewest}")
        return self

    @property
    def processors(self) -> int:
        """The vCPUs of an environment."""
        return max(1, self.memory_mb // (1024 * self.memory_per_vcpu_gib))

    @property
    def at_once(self) -> int:
        """Requests at once in an environment."""
        default = self.processors if self.gpu_memory_gb is None else _GPU_AT_ONCE
        return default if self.concurrency is None else int(self.concurrency)

    @property
    def threads(self) -> int:
        """Threads of one prediction: processors are shared by the processes that predict."""
        processes = self.at_once if self.gpu_memory_gb is None else 1
        return max(1, self.processors // processes)

    @property
    def vcpu_limit(self) -> int | None:
        """The most vCPUs of all hosts; None if it must be stated."""
        if self.max_vcpus is not None:
            return int(self.max_vcpus)
        sizes = [_vcpus(instance) for instance in self.instances]
        if not sizes or None in sizes:
            return None
        hosts = _VERSIONS * max(1, self.environments.fewest)
        return hosts * max(size for size in sizes if size)


def missing(settings: ManagedSettings) -> str | None:
    """Return the first setting that is needed and not stated; None if there is none."""
    if settings.provider:
        return None
    for key in ("instances", "subnets", "security_groups"):
        if not getattr(settings, key):
            return key
    return "max_vcpus" if settings.vcpu_limit is None else None


def too_few_vcpus(settings: ManagedSettings) -> str:
    """Return why the limit of vCPUs is too small; empty if it is not."""
    needed = settings.model_copy(update={"max_vcpus": None}).vcpu_limit
    if settings.max_vcpus is None or needed is None or settings.max_vcpus >= needed:
        return ""
    fewest = max(1, settings.environments.fewest)
    return (
        f"max_vcpus is {settings.max_vcpus}, but {fewest} hosts of each of two versions may have "
        f"{needed} vCPUs during a roll-out"
    )


def _vcpus(instance: str) -> int | None:
    found = _SIZE.match(instance)
    if found is None:
        return None
    return 2 if found["large"] else 4 * int(found["times"] or 1)
