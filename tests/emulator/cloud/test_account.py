import os
import subprocess
import sys
from pathlib import Path

import pytest

from lading.emulator.checkout import CODE
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.errors import CloudUnavailable, DeploymentFailed, ProjectNeeded

APP = """
import sys
sys.exit("error: the models cannot be deployed")
"""


def project(folder: Path, app: str = APP) -> Path:
    """A checkout whose app.py is another one."""
    folder.mkdir()
    (folder / "cdk.json").write_bytes((CODE / "cdk.json").read_bytes())
    (folder / "app.py").write_text(app)
    return folder


def processes_below(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line]


def test_a_deployment_that_fails_says_why_and_where_the_log_is(tmp_path: Path) -> None:
    told: list[str] = []
    with (
        EmulatedCloud(tmp_path / "cloud", told.append, project=project(tmp_path / "p")) as cloud,
        pytest.raises(DeploymentFailed) as failure,
    ):
        cloud.deploy({"stage": "dev"})
    assert failure.value.reason == "the models cannot be deployed"
    assert str(failure.value).endswith(str(tmp_path / "cloud/cdk.log"))
    assert told[-1] == "cdk deploy --all"


def test_a_folder_without_an_app_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with (
        pytest.raises(ProjectNeeded, match=r"has no app\.py.*lading init"),
        EmulatedCloud(tmp_path / "cloud", project=tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_cloud_leaves_its_logs_and_nothing_else(tmp_path: Path) -> None:
    with EmulatedCloud(tmp_path) as cloud:
        assert cloud.scratch.is_dir()
        cloud.require_running()
    assert {path.suffix for path in tmp_path.iterdir()} == {".log"}
    assert not processes_below(tmp_path)
    with pytest.raises(CloudUnavailable):
        cloud.require_running()


def test_what_a_killed_cloud_left_is_removed_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], check=True,
                           capture_output=True, text=True)  # fmt: skip
    dead, alive = (tmp_path / f"run-{number}" for number in (ended.stdout.strip(), os.getppid()))
    for folder in (dead, alive):
        folder.mkdir()
    with EmulatedCloud(tmp_path):
        assert not dead.exists()
    assert alive.exists()


def test_the_address_of_an_api_is_told_for_the_emulated_gateway(tmp_path: Path) -> None:
    with EmulatedCloud(tmp_path) as cloud:
        url = cloud.api_url("https://abc123.execute-api.us-east-1.amazonaws.com/dev/")
        assert url == f"{cloud.endpoint}/restapis/abc123/dev/_user_request_"
        with pytest.raises(DeploymentFailed):
            cloud.api_url("https://ml.example.com/")
