"""Stages, their settings and the names that follow."""

import re
from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.settings import (
    Deployment,
    Names,
    StageSettings,
    Throttling,
    load_deployment,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "stages.yaml"
    path.write_text(text)
    return path


def test_without_a_file_there_are_dev_and_prod_with_signed_requests(tmp_path: Path) -> None:
    for stage in ("dev", "prod"):
        deployment = load_deployment(tmp_path / "stages.yaml", stage)
        assert deployment.names.prefix == f"lading-{stage}"
        assert deployment.settings.auth == "iam"
        assert deployment.waf == (stage == "prod")


def test_the_emulated_cloud_has_no_firewall(tmp_path: Path) -> None:
    assert not load_deployment(tmp_path / "stages.yaml", "prod", local=True).waf


def test_a_stage_says_where_and_how(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
service: scores
owner: risk-team
stages:
  live:
    regions: [eu-central-1, us-east-1]
    auth: token
    cors: [https://app.example.com]
    defaults: {memory_mb: 3008, timeout_s: 10}
    models:
      digits: {timeout_s: 5}
""",
    )
    deployment = load_deployment(path, "live")
    assert deployment.settings.regions == ("eu-central-1", "us-east-1")
    assert deployment.settings.cors == ("https://app.example.com",)
    assert deployment.tags == {"service": "scores", "stage": "live", "owner": "risk-team"}
    digits, other = deployment.settings.model("digits"), deployment.settings.model("other")
    assert (digits.memory_mb, digits.timeout_s) == (3008, 5)
    assert (other.memory_mb, other.timeout_s) == (3008, 10)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stages: {dev: {regoins: [x]}}", "stages.yaml:1: stages.dev.regoins: unknown key"),
        ("stages:\n  dev:\n    auth: nobody", "stages.yaml:3: stages.dev.auth: Input should be"),
        ("stages: {Dev: {}}", "stages.yaml:1: stages.Dev: Value error, must be 1 to 16 of"),
        (
            "stages: {dev: {cors: [here.example]}}",
            "stages.dev.cors: Value error, 'here.example' is",
        ),
        ("stages: {dev: {rollout: slow}}", "stages.dev.rollout: Input should be"),
        ("stages: [", "stages.yaml:1: (top): is not YAML"),
        ("stages: {}", "stages.yaml:1: stages: "),
        ("stages: {prod: {}}", "there is no stage 'dev'; it has prod"),
        (
            "stages: {dev: {pages: true}}",
            "stages.yaml:1: stages.dev.pages: needs `auth: token`: a browser cannot sign requests",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(told)):
        load_deployment(written(tmp_path, text), "dev")


def test_a_misspelt_stage_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean 'prod'"):
        load_deployment(tmp_path / "stages.yaml", "prd")


def test_names_stay_legal_and_apart() -> None:
    names = Names("lading", "dev")
    assert names.function("digits") == "lading-dev-model-digits"
    assert names.model_stack("digits") == "lading-dev-model-digits"
    models = ["a.b", "a-b", "a_b", "x" * 63, "x" * 62 + "y"]
    functions = [names.function(model) for model in models]
    stacks = [names.model_stack(model) for model in models]
    assert len(set(functions)) == len(set(stacks)) == len(models)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in functions)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", name) for name in stacks)
    components = [names.component(model) for model in [*models, "Digits", "digits", "a-"]]
    assert len(set(components)) == len(models) + 3
    legal = r"(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    assert all(re.fullmatch(legal, name) for name in components)


def test_production_is_the_stage_of_that_name() -> None:
    assert Deployment(Names("lading", "prod"), StageSettings()).production
    assert not Deployment(Names("lading", "dev"), StageSettings()).production


@pytest.mark.parametrize(
    ("stated", "limit"),
    [
        ({"rate": 500}, 300_000),
        ({"rate": 0.001}, 10),
        ({"rate": 1e9}, 2_000_000_000),
        ({"rate": 500, "requests_per_address": 2000}, 2000),
    ],
)
def test_the_limit_of_one_address_follows_the_rate_unless_it_is_stated(
    stated: dict[str, float], limit: int
) -> None:
    assert Throttling.model_validate(stated).address_limit == limit


def test_a_limit_that_the_firewall_does_not_accept_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text("stages: {prod: {throttling: {requests_per_address: 9}}}")
    with pytest.raises(SettingsError, match="greater than or equal to 10"):
        load_deployment(path, "prod")
