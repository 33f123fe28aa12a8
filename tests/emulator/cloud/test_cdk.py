import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.emulator.checkout import CODE, tools_folder
from lading.emulator.cloud.cdk import find_cdk
from lading.emulator.cloud.ministack import environment_folder


def test_the_cdk_is_the_one_that_package_json_pins(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    tools = tools_folder()
    cdk = find_cdk(CODE, tools, environment_folder(tools, log), log)
    wanted = json.loads((CODE / "package.json").read_text())["devDependencies"]["aws-cdk"]
    output = tmp_path / "version.log"
    assert cdk.run(["--version"], environment=os.environ, folder=tmp_path, log=output) == 0
    assert wanted in output.read_text()


@pytest.mark.slow
def test_of_two_at_once_one_installs_it_and_a_half_installed_one_is_installed_anew(
    tmp_path: Path,
) -> None:
    log = tmp_path / "install.log"
    python = environment_folder(tools_folder(), log)

    def found(_: int) -> Path:
        return find_cdk(tmp_path, tmp_path / "tools", python, log).script

    with ThreadPoolExecutor() as pool:
        (script,) = set(pool.map(found, range(2)))
    assert log.read_text().count("added") == 1
    script.unlink()
    assert found(2) == script
    assert script.is_file()
