"""The custom domain of a stage's API, and what AWS requires of it."""

from collections.abc import Iterator, Sequence

from pydantic import Field

from lading.stacks.stages.sagemaker import StageEntry


class CustomDomain(StageEntry):
    """A custom domain name of the API; for one region only."""

    name: str = Field(min_length=4)
    certificate_arn: str = Field(pattern=r"^arn:[a-z-]+:acm:[a-z0-9-]+:")
    """Certificate of AWS Certificate Manager, in the API's own region."""
    base_path: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")
    """First segment of the API's paths at this domain; empty: the whole domain is the API's."""
    hosted_zone_id: str | None = None
    """Route 53 zone that gets the record; None: you create the record."""
    hosted_zone_name: str | None = None

    @property
    def url(self) -> str:
        """URL of the API at this domain."""
        return f"https://{self.name}/{self.base_path}{'/' if self.base_path else ''}"

    @property
    def certificate_region(self) -> str:
        """The region of the certificate."""
        return self.certificate_arn.split(":")[3]


def domain_conflicts(domain: CustomDomain, regions: Sequence[str]) -> Iterator[str]:
    """Yield what AWS does not accept of a domain in these regions, and what to do."""
    if len(regions) > 1:
        yield "a domain name can serve one region only; remove the domain or other regions"
    elif regions and domain.certificate_region != regions[0]:
        yield (
            f"its certificate is in {domain.certificate_region}, and the API is in {regions[0]}; "
            "a regional API needs a certificate in its own region: request one there"
        )
