"""What a stage promises its callers, and where the pages of its alarms are."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator

from lading.functions.contract.watched import SECONDS
from lading.stacks.stages.sagemaker import StageEntry

LayerArn = Annotated[
    str, Field(pattern=r"^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$")
]
_MILLISECONDS = tuple(bound * 1000 for bound in SECONDS)


class WatchingSettings(StageEntry):
    """Objectives of every model of a stage, on which Prometheus's alerts are based.

    The share of requests that may miss an objective in `window_days` is its error budget.
    """

    availability: float = Field(default=0.999, ge=0.5, lt=1)
    """Share of requests that do not fail in the service."""
    latency_ms: float = 1000.0
    """Time in which a request is fast: a bound of the histograms, since only these are exact."""
    fast: float = Field(default=0.99, ge=0.5, lt=1)
    """Share of requests that are fast."""
    window_days: int = Field(default=30, ge=1, le=90)
    """Days over which the objectives hold."""
    trace_layers: Mapping[str, LayerArn] = Field(default={})
    """Region -> ARN of AWS's layer AWSOpenTelemetryDistroPython there; none: X-Ray alone traces."""
    runbook: str = Field(default="docs/runbook", pattern=r"^[^\s\"]*[^\s/\"]$")
    """Folder or URL of the pages of alarms, which alarms and dashboards name."""

    @field_validator("latency_ms")
    @classmethod
    def _is_a_bound(cls, given: float) -> float:
        if given not in _MILLISECONDS:
            bounds = ", ".join(f"{bound:g}" for bound in _MILLISECONDS)
            raise ValueError(f"must be one of {bounds}, not {given:g}")
        return given

    @property
    def latency_s(self) -> float:
        """The time in which a request is fast, in seconds."""
        return self.latency_ms / 1000
