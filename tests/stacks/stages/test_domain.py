import re
from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.domain import CustomDomain, answers_health
from lading.stacks.stages.settings import load_deployment

DOMAIN = "{name: api.example.com, certificate_arn: 'arn:aws:acm:us-east-1:1:certificate/1'}"


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ("eu-central-1, us-east-1", "needs hosted_zone_id: several regions share the name"),
        ("eu-central-1", "its certificate is in us-east-1, and the API is in eu-central-1"),
    ],
)
def test_a_domain_that_aws_does_not_accept_there_is_refused(
    tmp_path: Path, regions: str, told: str
) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(f"stages: {{dev: {{regions: [{regions}], domain: {DOMAIN}}}}}")
    with pytest.raises(SettingsError, match=re.escape(f"stages.dev.domain: {told}")):
        load_deployment(path, "dev")


@pytest.mark.parametrize("regions", ["", "us-east-1"])
def test_a_domain_in_its_certificates_region_or_in_an_unknown_one_is_accepted(
    tmp_path: Path, regions: str
) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(f"stages: {{dev: {{regions: [{regions}], domain: {DOMAIN}}}}}")
    domain = load_deployment(path, "dev").settings.domain
    assert isinstance(domain, CustomDomain)
    assert domain.url == "https://api.example.com/"


@pytest.mark.parametrize("base_path", ["/ml", "ml/", "a/b", "a%20b"])
def test_a_base_path_is_one_segment(tmp_path: Path, base_path: str) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(f"stages: {{dev: {{domain: {DOMAIN[:-1]}, base_path: '{base_path}'}}}}}}")
    with pytest.raises(SettingsError, match="base_path: String should match"):
        load_deployment(path, "dev")


SEVERAL = "name: a.example.com, hosted_zone_id: Z1, certificates: {"
CERTIFICATES = {
    region: f"'arn:aws:acm:{region}:1:certificate/1'"
    for region in ("eu-central-1", "us-east-1", "eu-west-1")
}


@pytest.mark.parametrize(
    ("regions", "certified", "more", "told"),
    [
        (2, 2, "", ""),
        (3, 3, ", routing: latency", ""),
        (3, 3, "", "fail-over is between two regions, not 3; use `routing: latency`"),
        (2, 1, "", "its certificate is in eu-central-1, and the API is in us-east-1"),
        (1, 0, "", "needs either certificate_arn, or certificates"),
        (1, 1, f", certificate_arn: {CERTIFICATES['eu-central-1']}", "needs either"),
    ],
)
def test_a_domain_in_several_regions_has_a_certificate_in_each(
    tmp_path: Path, regions: int, certified: int, more: str, told: str
) -> None:
    names = list(CERTIFICATES)
    listed = ", ".join(f"{name}: {CERTIFICATES[name]}" for name in names[:certified])
    domain = f"{{{SEVERAL}{listed}}}{more}}}"
    path = tmp_path / "stages.yaml"
    there = ", ".join(names[:regions])
    path.write_text(f"stages: {{dev: {{regions: [{there}], domain: {domain}}}}}")
    if told:
        with pytest.raises(SettingsError, match=re.escape(f"stages.dev.domain: {told}")):
            load_deployment(path, "dev")
        return
    found = load_deployment(path, "dev")
    assert found.settings.domain is not None
    assert answers_health(None, found.settings.domain, found.settings.regions)
    assert not answers_health(False, found.settings.domain, found.settings.regions)
    assert not answers_health(None, found.settings.domain, found.settings.regions[:1])
    assert found.settings.domain.certificate_region(names[regions - 1]) == names[regions - 1]
