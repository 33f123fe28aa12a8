import re
from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.domain import CustomDomain
from lading.stacks.stages.settings import load_deployment

DOMAIN = "{name: api.example.com, certificate_arn: 'arn:aws:acm:us-east-1:1:certificate/1'}"


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ("eu-central-1, us-east-1", "a domain name can serve one region only"),
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
