"""How a model's SageMaker endpoint runs in a stage: `models.<name>.sagemaker` of stages.yaml.

    sagemaker:
      mode: steady
      instances: [ml.g5.xlarge, ml.g6.xlarge]
      count: {min: 2, max: 6}
      update: {policy: canary, percent: 10}

Which of these go together `stacks/stages/sagemaker_rules.py` says.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lading.functions.contract.limits import LAMBDA, SAGEMAKER

Mode = Literal["steady", "scale_to_zero", "async"]
Policy = Literal["canary", "linear", "rolling", "all_at_once"]
Metric = Literal["concurrency", "invocations", "backlog"]

_ARN = r"^arn:[a-z-]+:"

_LOCAL_STORAGE = re.compile(
    r"ml\.([a-z]+[0-9]+[a-z]*d[a-z]*|g[5-9][a-z]*|p[5-9][a-z0-9-]*|trn[12]n?|dl1)\."
)
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html, as of November 2026."""


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"names '{min(repeated)}' twice")
    return names


_Names = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_unique)]
_Instance = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]


class _SageMakerEntry(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class Count(_SageMakerEntry):
    """How many instances, or with scale_to_zero copies of the model."""

    min: int | None = Field(default=None, ge=0)
    """None: as few as the mode allows."""
    max: int = Field(default=1, ge=1, le=100)


class Scaling(_SageMakerEntry):
    """What the number follows, where `count` leaves it room."""

    metric: Metric | None = None
    """concurrency: requests at once; invocations: requests a minute; backlog: waiting requests.
    All of them for each instance or copy. None: backlog with async, else concurrency."""
    target: float = Field(default=4, gt=0)
    """Value of the metric to stay near."""
    out_cooldown_s: int = Field(default=60, ge=0, le=3600)
    in_cooldown_s: int = Field(default=600, ge=0, le=3600)


class Update(_SageMakerEntry):
    """How a new version takes over from the old one."""

    policy: Policy | None = None
    """None: the most careful one that mode and count allow."""
    percent: int | None = Field(default=None, ge=5, le=50)
    """Size of a canary or of each step; None: 10, and 50 with rolling."""
    wait_s: int = Field(default=300, ge=0, le=3600)
    """Time after each step in which an alarm brings the old version back."""
    termination_wait_s: int = Field(default=120, ge=0, le=3600)
    """How long the old fleet stays after a blue/green update."""
    timeout_s: int = Field(default=7200, ge=600, le=28_800)
    """The whole update."""
    rollback: bool = True
    """Let alarms bring the old version back. Without, a version that rings can be replaced too."""
    alarms: _Names = ()
    """Names of further CloudWatch alarms that bring it back."""


class Component(_SageMakerEntry):
    """What each copy of the model takes of its instance; with scale_to_zero alone."""

    accelerators: int = Field(default=1, ge=0, le=16)
    """GPUs; 0 on an instance without any."""
    cpus: float | None = Field(default=None, ge=0.25)
    memory_mb: int = Field(default=4096, ge=128)
    """Memory of the machine, not of the GPU."""
    data_cache: bool = True
    """Keep image and model on an instance for the next copy that starts there."""


class Queue(_SageMakerEntry):
    """The waiting line of an endpoint with mode async."""

    concurrency: int = Field(default=4, ge=1, le=1000)
    """Requests at once in one container."""
    success_topic: str | None = Field(default=None, pattern=_ARN)
    """An SNS topic of one's own; None: the stack makes one."""
    error_topic: str | None = Field(default=None, pattern=_ARN)


class Vpc(_SageMakerEntry):
    """One's own network for the model's containers."""

    subnets: _Names = Field(min_length=1, max_length=16)
    security_groups: _Names = Field(min_length=1, max_length=5)


class SageMakerSettings(_SageMakerEntry):
    """The endpoint of one model, and the proxy function before it."""

    mode: Mode = "steady"
    """steady: instances that are always there; scale_to_zero: none while nobody asks, and minutes
    until the first answer; async: requests wait in line, and there may be no instance."""
    instances: Annotated[tuple[_Instance, ...], Field(strict=False), AfterValidator(_unique)] = ()
    """The instance type to have, and those to fall back to when there is none left of it."""
    count: Count = Count()
    scaling: Scaling = Scaling()
    update: Update = Update()
    component: Component = Component()
    queue: Queue = Queue()
    network_isolation: bool = True
    """Let containers call nobody."""
    volume_key: str | None = Field(default=None, pattern=_ARN)
    """KMS key of the instances' disks; None: the model's own, where AWS takes one."""
    vpc: Vpc | None = None
    download_timeout_s: int = Field(default=1200, ge=60, le=3600)
    """Time to bring the model to an instance."""
    startup_timeout_s: int = Field(default=1200, ge=60, le=3600)
    """Time until the container answers /ping."""
    provision_timeout_s: int = Field(default=1800, ge=300, le=3600)
    """Time to find instances, over all types."""
    inference_ami: str | None = Field(default=None, pattern=r"^al[0-9]+-ami-sagemaker-inference-")
    """Driver and CUDA of the instances; an engine newer than AWS's default needs a newer one."""
    hold_s: int = Field(default=20, ge=0, le=SAGEMAKER.hold_s)
    """How long a request waits for an endpoint that wakes."""
    answer_timeout_s: int = Field(default=300, ge=1, le=LAMBDA.timeout_s)
    """The longest answer, streamed ones included."""
    jobs_days: int = Field(default=7, ge=1, le=365)
    """How long the input and the result of an asynchronous job are kept."""
    web_adapter: str | None = Field(default=None, pattern=r"^arn:[a-z-]+:lambda:")
    """Layer of the Lambda Web Adapter; None: the one that its authors publish."""

    @property
    def fewest(self) -> int:
        """Instances, or copies, that are always there."""
        if self.count.min is not None:
            return self.count.min
        return 1 if self.mode == "steady" else 0

    @property
    def metric(self) -> Metric:
        """What the number follows."""
        return self.scaling.metric or ("backlog" if self.mode == "async" else "concurrency")

    @property
    def scales(self) -> bool:
        """Whether the number changes at all."""
        return self.fewest != self.count.max

    @property
    def policy(self) -> Policy:
        """How a new version takes over."""
        if self.update.policy is not None:
            return self.update.policy
        if self.mode == "scale_to_zero":
            return "rolling"
        return "canary" if self.fewest > 1 else "all_at_once"

    @property
    def percent(self) -> int:
        """Size of a canary or of a step."""
        return self.update.percent or (50 if self.policy == "rolling" else 10)

    @property
    def local_storage(self) -> bool:
        """Whether an instance type has disks of its own, whose hardware encrypts them."""
        return any(map(has_local_storage, self.instances))


def has_local_storage(instance: str) -> bool:
    """Whether an instance type has disks of its own, for which SageMaker takes no key."""
    return _LOCAL_STORAGE.match(instance) is not None
