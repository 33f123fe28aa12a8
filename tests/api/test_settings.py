import os

import pytest

from lading.api.settings import aws_environment


def test_aws_variables_are_replaced_and_then_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = dict(os.environ)
    with aws_environment({"AWS_REGION": "us-east-1"}):
        found = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        assert found == {"AWS_REGION": "us-east-1"}
        assert "PATH" in os.environ
    assert dict(os.environ) == before
