"""Shadow traffic of a model in a stage: `shadow` of its settings.

    models:
      digits:
        shadow: {version: 4, percent: 10}

A share of the requests that the model has answered also goes to another version of the lock. No
caller sees its answers; `lading compare NAME A B --shadow` compares them. On SageMaker the other
version is a shadow variant of the endpoint.
"""

from pydantic import Field

from lading.stacks.stages.sagemaker import SageMakerSettings, StageEntry


class ShadowSettings(StageEntry):
    """The version that answers in the shadow, and how many requests it gets."""

    version: int = Field(ge=1)
    """A version of the lock, other than the one that serves."""
    percent: float = Field(default=10, gt=0, le=100)
    """Share of the successful predictions; on SageMaker, of all requests."""


def endpoint_conflict(settings: SageMakerSettings) -> str | None:
    """Return why an endpoint cannot have a shadow variant; None: it can.

    Source: SageMaker's developer guide, "Create a shadow test" and "Exclusions" of deployment
    guardrails: one production and one shadow variant, neither components nor queues, and no rolling
    update of several variants.
    """
    if settings.mode != "steady":
        return (
            f"SageMaker has no shadow variants with mode {settings.mode}; use mode steady, or "
            "remove `shadow`"
        )
    if settings.policy == "rolling":
        return (
            "SageMaker does not update an endpoint with a shadow variant by update.policy rolling; "
            "use canary, linear or all_at_once, or remove `shadow`"
        )
    return None
