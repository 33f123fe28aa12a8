"""Shadow traffic of a model in a stage: `shadow` of its settings.

    models:
      digits:
        shadow: {version: 4, percent: 10}

A share of the requests that the model has answered also goes to another version of the lock. No
caller sees its answers; `lading compare NAME A B --shadow` compares them.
"""

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry


class ShadowSettings(StageEntry):
    """The version that answers in the shadow, and how many requests it gets."""

    version: int = Field(ge=1)
    """A version of the lock, other than the one that serves."""
    percent: float = Field(default=10, gt=0, le=100)
    """Share of the successful predictions."""
