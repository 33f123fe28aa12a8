"""Settings of a model's SageMaker endpoint in a stage: `models.<name>.sagemaker` of stages.yaml.

    sagemaker:
      mode: steady
      instances: [ml.g5.xlarge, ml.g6.xlarge]
      count: {min: 2, max: 6}
      update: {policy: canary, percent: 10}

`stacks/stages/sagemaker_rules.py` has the combinations that AWS accepts.
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


def unique_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a name that occurs twice."""
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"contains '{min(repeated)}' twice")
    return names


_Names = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(unique_names)]
_Instance = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]


class StageEntry(BaseModel):
    """A mapping in stages.yaml: unknown keys and other types are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class Count(StageEntry):
    """Number of instances, or with scale_to_zero of copies of the model."""

    min: int | None = Field(default=None, ge=0)
    """None: the least that the mode allows."""
    max: int = Field(default=1, ge=1, le=100)


class Scaling(StageEntry):
    """The metric that decides the number, between the limits of `count`."""

    metric: Metric | None = None
    """Per instance or copy. concurrency: concurrent requests; invocations: requests per minute;
    backlog: waiting requests. None: backlog with mode async, otherwise concurrency."""
    target: float = Field(default=4, gt=0)
    """Value of the metric that scaling keeps."""
    out_cooldown_s: int = Field(default=60, ge=0, le=3600)
    in_cooldown_s: int = Field(default=600, ge=0, le=3600)


class Update(StageEntry):
    """How an endpoint is updated to a new version."""

    policy: Policy | None = None
    """None: the most careful policy that mode and count allow."""
    percent: int | None = Field(default=None, ge=5, le=50)
    """Size of the canary or of each step; None: 10, or 50 with rolling."""
    wait_s: int = Field(default=300, ge=0, le=3600)
    """Time after each step in which an alarm rolls the update back."""
    termination_wait_s: int = Field(default=120, ge=0, le=3600)
    """Time that the old fleet stays after a blue/green update."""
    timeout_s: int = Field(default=7200, ge=600, le=28_800)
    """Time limit of the whole update."""
    rollback: bool = True
    """Whether alarms roll an update back. Without it, a failing version can be replaced too."""
    alarms: _Names = ()
    """Names of further CloudWatch alarms that roll an update back."""


class Component(StageEntry):
    """Resources of each copy of the model; with mode scale_to_zero only."""

    accelerators: int = Field(default=1, ge=0, le=16)
    """GPUs; 0 on instances without GPUs."""
    cpus: float | None = Field(default=None, ge=0.25)
    memory_mb: int = Field(default=4096, ge=128)
    """Memory of the instance, not of the GPU."""
    data_cache: bool = True
    """Whether image and model stay on an instance for the next copy that starts there."""


class Queue(StageEntry):
    """The queue of an endpoint with mode async."""

    concurrency: int = Field(default=4, ge=1, le=1000)
    """Concurrent requests of one container."""
    success_topic: str | None = Field(default=None, pattern=_ARN)
    """ARN of a custom SNS topic; None: the stack creates one."""
    error_topic: str | None = Field(default=None, pattern=_ARN)


class EndpointMetrics(StageEntry):
    """Metrics of an endpoint beyond SageMaker's own; each costs money as a custom metric."""

    enhanced: bool = False
    """Utilization and requests for each instance, and each GPU."""
    detailed: bool = False
    """The metrics of the container's /metrics, of hosts and of copies, as OpenTelemetry; on by
    default on AWS."""
    every_s: Literal[10, 30, 60, 120, 180, 240, 300] = 60
    """Seconds between two values."""


class Vpc(StageEntry):
    """A network of the account for the model's containers."""

    subnets: _Names = Field(min_length=1, max_length=16)
    security_groups: _Names = Field(min_length=1, max_length=5)


class SageMakerSettings(StageEntry):
    """Settings of the endpoint of one model, and of its proxy function."""

    mode: Mode = "steady"
    """steady: instances run all the time; scale_to_zero: no instance without requests, and minutes
    until the first answer; async: requests wait in a queue, and there may be no instance."""
    instances: Annotated[
        tuple[_Instance, ...], Field(strict=False), AfterValidator(unique_names)
    ] = ()
    """The instance type, and types to fall back to when AWS has no capacity for it."""
    count: Count = Count()
    scaling: Scaling = Scaling()
    update: Update = Update()
    component: Component = Component()
    queue: Queue = Queue()
    network_isolation: bool = True
    """Whether containers have no network access."""
    volume_key: str | None = Field(default=None, pattern=_ARN)
    """ARN of the KMS key of the instances' volumes; None: the model's own, if AWS accepts a key."""
    metrics: EndpointMetrics = EndpointMetrics()
    vpc: Vpc | None = None
    download_timeout_s: int = Field(default=1200, ge=60, le=3600)
    """Time limit for downloading the model to an instance."""
    startup_timeout_s: int = Field(default=1200, ge=60, le=3600)
    """Time limit until the container answers /ping."""
    provision_timeout_s: int = Field(default=1800, ge=300, le=3600)
    """Time limit for finding instances of all types."""
    inference_ami: str | None = Field(default=None, pattern=r"^al[0-9]+-ami-sagemaker-inference-")
    """AMI with the GPU driver; None: the one that the container image needs, by the lock."""
    hold_s: int = Field(default=20, ge=0, le=SAGEMAKER.hold_s)
    """How long a request waits for an endpoint to wake."""
    answer_timeout_s: int = Field(default=300, ge=1, le=LAMBDA.timeout_s)
    """Time limit of an answer, streamed or not."""
    jobs_days: int = Field(default=7, ge=1, le=365)
    """Days for which the input and the result of an asynchronous job are kept."""
    web_adapter: str | None = Field(default=None, pattern=r"^arn:[a-z-]+:lambda:")
    """ARN of the Lambda Web Adapter's layer; None: the published one."""
    web_adapter_sha256: str | None = Field(default=None, pattern=r"^[A-Za-z0-9+/]{43}=$")
    """SHA-256 of that layer in base64, which each roll-out compares; None: it is not compared."""
    snap_start: bool = False
    """Whether the function before the endpoint starts from a snapshot; needs adapter 1.1.0."""

    @property
    def fewest(self) -> int:
        """Least number of instances or copies."""
        if self.count.min is not None:
            return self.count.min
        return 1 if self.mode == "steady" else 0

    @property
    def metric(self) -> Metric:
        """The metric that decides the number of instances or copies."""
        return self.scaling.metric or ("backlog" if self.mode == "async" else "concurrency")

    @property
    def scales(self) -> bool:
        """Whether the number changes."""
        return self.fewest != self.count.max

    @property
    def policy(self) -> Policy:
        """The update policy."""
        if self.update.policy is not None:
            return self.update.policy
        if self.mode == "scale_to_zero":
            return "rolling"
        return "canary" if self.fewest > 1 else "all_at_once"

    @property
    def percent(self) -> int:
        """Size of the canary or of a step.

        With scale_to_zero one copy of the most that there are, within AWS's limits of a step.
        """
        if self.mode == "scale_to_zero":
            return max(
                SAGEMAKER.step_percent[0], min(SAGEMAKER.step_percent[-1], 100 // self.count.max)
            )
        return self.update.percent or (50 if self.policy == "rolling" else 10)

    @property
    def most_instances(self) -> int:
        """Most instances with scale_to_zero: one for each copy, and for the new copies of a step.

        A copy may need an instance for itself, and the old one runs until the new one answers.
        """
        return self.count.max + -(-self.count.max * self.percent // 100)

    @property
    def local_storage(self) -> bool:
        """Whether an instance type has local disks, which its hardware encrypts."""
        return any(map(has_local_storage, self.instances))


def has_gpu(instance: str) -> bool:
    """Return whether an instance type has GPUs of NVIDIA."""
    return re.match(r"ml\.[gp][0-9]", instance) is not None


def has_accelerator(instance: str) -> bool:
    """Return whether an instance type has GPUs, or AWS's own accelerators."""
    return re.match(r"ml\.(g|p|inf|trn)[0-9]", instance) is not None


def has_local_storage(instance: str) -> bool:
    """Return whether an instance type has local disks, for which SageMaker accepts no key."""
    return _LOCAL_STORAGE.match(instance) is not None
