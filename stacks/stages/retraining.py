"""Settings of retraining in a stage: `retraining` of stages.yaml.

retraining:
build_size: large
requirements: [requirements.txt, requirements/boosting.txt]
"""

from typing import Annotated, Literal

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry

_SIGNING = "requirements/cloud.txt"
"""It has the library cryptography."""

BuildSize = Literal["small", "medium", "large"]


class Retraining(StageEntry):
    """How models with `train.schedule` or `train.on` in models.yaml are trained again."""

    enabled: bool = True
    """Whether this stage trains models again; turn it off where another stage does."""
    build_size: BuildSize = "medium"
    """CodeBuild's machine for packaging: 4, 8 or 16 GB of memory."""
    build_minutes: int = Field(default=60, ge=5, le=480)
    """The longest packaging; it bounds the cost."""
    requirements: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.txt$")], ...],
        Field(strict=False, min_length=1),
    ] = ("requirements.txt",)
    """The checkout's files of libraries that packaging needs; by default those of scikit-learn."""
    keep_days: int = Field(default=30, ge=1, le=3650)
    """How long code, results and logs of trainings are kept."""
    data_keys: tuple[Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:\S+:key/\S+$")], ...] = Field(
        default=(), strict=False
    )
    """ARNs of the KMS keys that encrypt the buckets of the data, if they are not S3's own."""
    signing_key: str | None = Field(default=None, pattern=r"^arn:[a-z-]+:kms:\S+:key/\S+$")
    """ARN of the KMS key that signs new versions; None: they are not signed."""

    @property
    def installed(self) -> tuple[str, ...]:
        """All files of libraries that a build needs; signing needs one more."""
        needed = (*self.requirements, *([_SIGNING] if self.signing_key else []))
        return tuple(dict.fromkeys(needed))
