import os

import pytest

from lading.emulator.settings import inherited_environment


def test_programs_inherit_everything_but_the_variables_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    found = inherited_environment()
    assert found["PATH"] == os.environ["PATH"]
    assert not [key for key in found if key.startswith("AWS_")]
