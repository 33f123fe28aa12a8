import importlib.util

import pytest

from lading.cli.commands.doctor import Diagnosis, clients, deploying, frameworks, machine
from tests.cli.conftest import Lading


def test_it_shows_what_is_needed_for_what(lading: Lading) -> None:
    out = lading("doctor", "--offline").out
    assert "Python" in out
    assert "packaging pickles" in out
    assert "AWS credentials" not in out


def test_json_has_each_check_with_its_advice(lading: Lading) -> None:
    checks = lading("doctor", "--offline", "--json").document["checks"]
    assert {"what", "purpose", "ok", "found", "advice"} == set(checks[0])
    assert [each["what"] for each in checks] == [
        each.what for each in (*machine(), *frameworks(), *clients(), *deploying())
    ]


def test_a_framework_is_installed_if_its_module_is_found() -> None:
    found = {each.what: each for each in frameworks()}
    for module, what in (("sklearn", "scikit-learn"), ("torch", "PyTorch")):
        assert found[what].ok is (importlib.util.find_spec(module) is not None)
    assert found["PyTorch"].advice == "pip install 'lading[pytorch]'"


def test_the_clients_of_places_where_models_live_are_listed() -> None:
    mlflow = {each.what: each for each in clients()}["MLflow's sources"]
    assert mlflow.ok is (importlib.util.find_spec("mlflow") is not None)
    assert (mlflow.purpose, mlflow.advice) == ("fetching models", "pip install 'lading[mlflow]'")


def test_without_credentials_the_account_is_not_asked_further(
    lading: Lading, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    checks = [Diagnosis(**each) for each in lading("doctor", "--json").document["checks"]]
    assert checks[-1].what == "AWS credentials"
    assert not checks[-1].ok
    assert "credentials" in checks[-1].found
