import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lading.emulator.checkout import CODE
from lading.emulator.cloud.account import TOOLS, EmulatedCloud
from lading.emulator.cloud.cdk import find_cdk
from lading.emulator.cloud.ministack import environment_folder
from lading.emulator.errors import CloudUnavailable, DeploymentFailed
from lading.emulator.processes.child import Child

APP = """
import sys
sys.exit("error: the models cannot be deployed")
"""


def project(folder: Path, app: str = APP) -> Path:
    """A checkout whose app.py is another one."""
    folder.mkdir()
    for name in ("cdk.json", "package.json", "package-lock.json"):
        (folder / name).write_bytes((CODE / name).read_bytes())
    (folder / "app.py").write_text(app)
    return folder


def processes_below(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line]


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


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


def test_the_cdk_is_the_one_that_package_json_pins(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    cdk = find_cdk(CODE, TOOLS, environment_folder(TOOLS, log), log)
    wanted = json.loads((CODE / "package.json").read_text())["devDependencies"]["aws-cdk"]
    output = tmp_path / "version.log"
    assert cdk.run(["--version"], environment=os.environ, folder=tmp_path, log=output) == 0
    assert wanted in output.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the bond is Linux's")
def test_a_program_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from lading.emulator.processes.child import Child
child = Child([sys.executable, "-c", "import time; time.sleep(60)"],
              environment=os.environ, folder=Path({str(tmp_path)!r}), log=Path("log"))
print(child._process.pid, flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    for _ in range(100):
        if not is_running(child):
            break
        time.sleep(0.05)
    assert not is_running(child)


def test_ending_a_program_ends_what_it_started(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import subprocess as s; s.run(['sleep', '60'])"]
    child = Child(words, environment=os.environ, folder=tmp_path, log=tmp_path / "log")
    assert not child.ended
    child.end()
    assert child.ended
