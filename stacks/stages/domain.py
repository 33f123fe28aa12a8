"""The custom domain of a stage's API, and what AWS requires of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry

Certificate = Annotated[str, Field(pattern=r"^arn:[a-z-]+:acm:[a-z0-9-]+:")]
_PAIR = 2


class RegionCheck(StageEntry):
    """Route 53's health check of each region's API."""

    every_s: Literal[10, 30] = 10
    """Seconds between two requests of one checker; Route 53 has several."""
    failures: int = Field(default=3, ge=1, le=10)
    """Failed requests in a row after which a region is out."""


class CustomDomain(StageEntry):
    """A custom domain name of the API: of one region, or of several with a health check each."""

    name: str = Field(min_length=4)
    certificate_arn: Certificate | None = None
    """Certificate of AWS Certificate Manager, in the API's own region."""
    certificates: Mapping[str, Certificate] = Field(default={})
    """Region -> the certificate there, in place of `certificate_arn`."""
    base_path: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")
    """First segment of the API's paths at this domain; empty: the whole domain is the API's."""
    hosted_zone_id: str | None = None
    """Route 53 zone that gets the records; None: you create them."""
    hosted_zone_name: str | None = None
    routing: Literal["failover", "latency"] = "failover"
    """With several regions: the first region answers while it can, or the region that is nearest
    to the caller."""
    check: RegionCheck = RegionCheck()

    @property
    def url(self) -> str:
        """URL of the API at this domain."""
        return f"https://{self.name}/{self.base_path}{'/' if self.base_path else ''}"

    def certificate(self, region: str | None) -> str:
        """Return the ARN of the certificate in a region; None: the only one."""
        found = self.certificates.get(region or "", self.certificate_arn)
        return found or next(iter(self.certificates.values()))

    def certificate_region(self, region: str | None) -> str:
        """Return the region of that certificate."""
        return self.certificate(region).split(":")[3]


def domain_conflicts(domain: CustomDomain, regions: Sequence[str]) -> Iterator[str]:
    """Yield what AWS does not accept of a domain in these regions, and what to do."""
    if (domain.certificate_arn is None) == (not domain.certificates):
        yield "needs either certificate_arn, or certificates with one for each region"
        return
    if len(regions) > 1:
        yield from _conflicts_of_several(domain, regions)
    for region in regions:
        found = domain.certificate_region(region)
        if found != region:
            yield (
                f"its certificate is in {found}, and the API is in {region}; a regional API needs "
                "a certificate in its own region: request one there, and name it in certificates"
            )


def _conflicts_of_several(domain: CustomDomain, regions: Sequence[str]) -> Iterator[str]:
    if domain.hosted_zone_id is None:
        yield "needs hosted_zone_id: several regions share the name by records with health checks"
    if domain.routing == "failover" and len(regions) > _PAIR:
        yield f"fail-over is between two regions, not {len(regions)}; use `routing: latency`"


def answers_health(
    wanted: bool | None, domain: CustomDomain | None, regions: Sequence[str]
) -> bool:
    """Return whether anybody may ask an API for its health.

    Args:
        wanted: what the stage states; None: only where a domain is in several regions.
        domain: the stage's domain.
        regions: the stage's regions.
    """
    several = domain is not None and len(regions) > 1
    return several if wanted is None else wanted
