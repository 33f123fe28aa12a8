"""Who may deploy a stage, and which pipeline does: `delivery` of stages.yaml.

delivery:
  github: {subject: "repo:acme@1234/models@5678"}
  pipeline: {connection: "arn:aws:codeconnections:...", repository: acme/models, before: [dev]}
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from lading.stacks.stages.retraining import BuildSize
from lading.stacks.stages.sagemaker import StageEntry


def _apart(stages: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(stages)) < len(stages):
        raise ValueError("names a stage twice")
    return stages


class GitHub(StageEntry):
    """Workflows of GitHub Actions that may assume roles of this stage, without keys."""

    subject: str = Field(pattern=r"^repo:[A-Za-z0-9._@-]+/[A-Za-z0-9._@-]+$")
    """Start of the subject in GitHub's tokens, as GitHub shows it for the repository: with ids in
    newer repositories. It names one repository; there is no wildcard."""
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9._/-]+$")
    """The branch whose workflows may write artifacts."""
    provider: str | None = Field(
        default=None, pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/"
    )
    """ARN of the account's OIDC provider of GitHub; None: this stage's stack creates it. An account
    has one."""


class PipelineSettings(StageEntry):
    """A pipeline of CodePipeline that delivers to this stage."""

    connection: str = Field(pattern=r"^arn:[a-z-]+:code(star-)?connections:\S+:connection/\S+$")
    """ARN of the connection to the repository's host, which somebody has confirmed."""
    repository: str = Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9._/-]+$")
    before: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}$")], ...],
        AfterValidator(_apart),
        Field(strict=False),
    ] = ("dev",)
    """Stages of the same account that are deployed and checked before this one."""
    approval: bool = True
    """Whether a person approves before this stage is deployed."""
    build_size: BuildSize = "medium"
    """CodeBuild's machine: 4, 8 or 16 GB of memory."""
    build_minutes: int = Field(default=120, ge=5, le=480)
    """The longest packaging, and the longest deployment with its roll-out."""


class Delivery(StageEntry):
    """How this stage is delivered to."""

    github: GitHub | None = None
    pipeline: PipelineSettings | None = None

    @property
    def wanted(self) -> bool:
        """Whether the stage needs a stack of roles or of a pipeline."""
        return self.github is not None or self.pipeline is not None
