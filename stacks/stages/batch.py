"""Settings of batches on a model's function: `batch` of a model in stages.yaml.

defaults:
  batch: {}
models:
  digits:
    reserved_concurrency: 20
    batch: {concurrency: 10, inputs: ['s3://my-data/rows']}
  large:  # at an endpoint
    batch: {instance: ml.g5.xlarge, instance_count: 2}
"""

from typing import Annotated

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry

MACHINE_OUTPUT, BUCKET_OUTPUT = "BatchMachineArn", "BatchBucketName"
ENGINE_OUTPUT, VERSIONS_OUTPUT = "BatchEngine", "BatchVersions"
"""Keys of the outputs of a model's stack. The command reads them, so they never change."""

DEFAULT_CONCURRENCY = 10
_HALF = 2

InputPlace = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\S*)?$")]


class BatchSettings(StageEntry):
    """Batches by the model's function, or by SageMaker's jobs where an endpoint answers for it."""

    concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Parts of a batch that are answered at the same time; None: half of `reserved_concurrency`,
    or 10 without it."""
    inputs: tuple[InputPlace, ...] = Field(default=(), strict=False)
    """Where inputs may be read in place; others are copied to the batches' own bucket first."""
    instance: str | None = Field(default=None, pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")
    """The instance type of a job, for a model at an endpoint; None: the endpoint's first one."""
    instance_count: int = Field(default=1, ge=1, le=20)
    """The number of a job's instances."""
    keep_days: int = Field(default=30, ge=1, le=3650)
    """How long inputs and results are kept."""


def bounded_concurrency(settings: BatchSettings, reserved: int | None) -> int:
    """Return how many parts are answered at once: always fewer than the function may answer.

    Args:
        settings: of the batches.
        reserved: the reserved concurrency of the function; None: it has none.

    Raises:
        ValueError: live callers would be starved; the text says what to write instead.
    """
    if reserved is None:
        return settings.concurrency or DEFAULT_CONCURRENCY
    wanted = settings.concurrency or max(1, reserved // _HALF)
    if wanted >= reserved:
        raise ValueError(
            f"batch.concurrency ({wanted}) must be below reserved_concurrency ({reserved}), so "
            "that live callers are answered"
        )
    return wanted
