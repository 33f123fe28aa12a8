"""What the pages for users of other servers show: the commands run, the requests are answered."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, command_environment

pytestmark = pytest.mark.slow

PAGES = ("tensorflow-serving", "torchserve", "sagemaker", "bentoml", "fastapi")
ANSWERS = {
    "/models": "default_version",
    "/v1/models/digits": "model_version_status",
    "/v1/models/digits/metadata": "signature_def",
    "/v1/models/digits:predict": "outputs",
    "/v1/models/digits/versions/1:predict": "outputs",
    "/v1/models/digits/labels/stable:predict": "outputs",
    "/ping": "status",
    "/openapi.json": "paths",
    "/digits/predict": "outputs",
    "/digits/invocations": "outputs",
    "/invocations": "outputs",
    "/predictions/digits": "label",
    "/predictions/digits/1.0": "label",
}
"""Path -> a key that the answer has."""


def lines(page: str, program: str) -> list[str]:
    text = (ROOT / f"docs/coming-from/{page}.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    found = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith(("curl -s http://127.0.0.1:8080/", "lading ")) for line in found)
    return [line for line in found if line.startswith(program)]


def run(words: list[str], folder: Path) -> str:
    environment = command_environment()
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def path_of(command: str) -> str:
    found = re.search(r"127\.0\.0\.1:8080(\S+)", command)
    assert found
    return found[1]


@pytest.mark.parametrize("page", PAGES)
def test_each_request_is_answered_as_by_the_other_server(
    page: str, published: Path, served: str
) -> None:
    commands = lines(page, "curl ")
    assert commands
    for command in commands:
        words = shlex.split(command.replace("http://127.0.0.1:8080", served))
        answer = run([*words, "--fail-with-body"], published)
        assert f'"{ANSWERS[path_of(command)]}":' in json.dumps(json.loads(answer))


@pytest.mark.parametrize("page", PAGES)
def test_each_command_runs(page: str, published: Path) -> None:
    for command in lines(page, "lading "):
        assert run(shlex.split(command), published)
