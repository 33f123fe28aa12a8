"""`npx cdk …` of a workflow in an emulated cloud: its arguments, and what such an account needs.

It runs in the project's folder; the variables of AWS's clients lead to the emulated cloud.
"""

import json
import os
import re
import sys
from pathlib import Path

from lading.cli.emulated_stage import lambda_python
from lading.emulator.checkout import CODE, tools_folder
from lading.emulator.cloud.account import app_command
from lading.emulator.cloud.cdk import find_cdk
from lading.emulator.cloud.ministack import environment_folder
from lading.emulator.settings import inherited_environment

_API = re.compile(r"https://([a-z0-9]+)\.execute-api\.[^/]+/([^/]+)/?")


def main() -> int:
    assert sys.argv[1] == "cdk"
    project, scratch = Path.cwd(), Path(os.environ["CDK_HOME"])
    log, python = scratch / "npx.log", lambda_python()
    files = {"manifest": "models.yaml", "lock": "models.lock.json", "stages": "stages.yaml"}
    context = {"local": "true", **({"lambda_layers": "true"} if python else {})}
    context |= {key: str(project / name) for key, name in files.items()}
    outputs = scratch / "outputs.json"
    arguments = [str(outputs) if it == "outputs.json" else it for it in sys.argv[2:]]
    arguments += ["--app", app_command(), "--output", str(scratch / "cdk.out")]
    for key, value in context.items():
        arguments += ["--context", f"{key}={value}"]
    tools = tools_folder()
    cdk = find_cdk(CODE, tools, environment_folder(tools, log, python), log)
    own = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    environment = {**inherited_environment(), **own, "CDK_HOME": str(scratch)}
    status = cdk.run(arguments, environment=environment, folder=CODE, log=log)
    if status == 0:
        here = rf"{os.environ['AWS_ENDPOINT_URL']}/restapis/\1/\2/_user_request_"
        text = json.dumps(json.loads(outputs.read_text()))
        (project / "outputs.json").write_text(_API.sub(here, text))
    else:
        sys.stderr.write(log.read_text()[-3000:])
    return status


if __name__ == "__main__":
    sys.exit(main())
