import json
import os
from pathlib import Path

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
