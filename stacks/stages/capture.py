"""Capture of a model's requests in a stage: `capture` of its settings.

    models:
      digits:
        capture: {share: 0.1, fields: [pixels, label], days: 30, feedback: true}

A share of the requests that were answered is kept in a private bucket, with the allowed fields
only; `feedback` accepts truths about them.
"""

from typing import Annotated, Literal

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry

CAPTURE_OUTPUT = "CaptureBucketName"
"""Key of an output of a model's stack. Scripts read it, so it never changes."""

FieldName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^,\x00-\x1f]+$")]
FieldNames = Annotated[tuple[FieldName, ...], Field(min_length=1, strict=False)]
CaptureKey = Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/\S+$")]


class StageCapture(StageEntry):
    """What is captured, for how long, and who can read it."""

    share: float = Field(default=0.1, gt=0, le=1)
    """Share of the requests."""
    fields: FieldNames | Literal["all"]
    """Names of the inputs and outputs that are kept, `x[3]` for a column of `x`; or `all`."""
    days: int = Field(default=30, ge=1, le=3650)
    """How long requests and truths are kept."""
    key: CaptureKey | None = None
    """ARN of the KMS key that encrypts them; None: a key of S3's."""
    feedback: bool = False
    """Whether truths about answers are accepted."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """The fields that are kept; empty for all."""
        return () if self.fields == "all" else tuple(self.fields)
