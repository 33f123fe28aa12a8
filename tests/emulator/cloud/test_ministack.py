from pathlib import Path

import pytest

from lading.emulator.cloud.ministack import ACCOUNT, MiniStack, dummy_credentials
from lading.emulator.errors import CloudUnavailable


def test_a_program_that_does_not_start_is_reported_with_its_log(tmp_path: Path) -> None:
    cloud = MiniStack(Path("/bin/false"), tmp_path, tmp_path / "log")
    with pytest.raises(CloudUnavailable, match=r"MiniStack does not start; see .*log"):
        cloud.wait()
    with pytest.raises(CloudUnavailable, match="has ended"):
        cloud.require_running()


def test_the_credentials_lead_to_no_real_account() -> None:
    assert dummy_credentials()["AWS_CONFIG_FILE"] == "/dev/null"
    assert set(ACCOUNT) == {"0"}
