"""SAM, in the version that AWS publishes, reads the templates and finds code behind every route."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.gateway.sam_template import FILE, NotForSam, sam_template, write_sam_template
from lading.emulator.processes.own_environment import own_environment
from lading.stacks.composition import add_stacks
from tests.stacks.projects import local_artifact, locked, s3_copy, write_project
from tests.stacks.synthesis import make_app
from tests.support.interpreter import ROOT

pytestmark = pytest.mark.slow

TOOLS = ROOT / ".lading" / "sam"

FOUND = """
import json, sys
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks(sys.argv[1])
functions = SamFunctionProvider(stacks)
routes = {}
for route in ApiProvider(stacks, cwd=".").api.routes:
    found = functions.get(route.function_name)
    folders = [found.codeuri, *(layer.codeuri for layer in found.layers)]
    routes[route.path] = [found.functionname, folders]
print(json.dumps(routes))
"""


def synthesise(folder: Path, noted: str = "true") -> Path:
    """What the CDK's command makes of a project, but that nothing is built."""
    context: dict[str, Any] = {"aws:cdk:enable-asset-metadata": noted}
    app = make_app(folder, **context)
    add_stacks(app, ROOT)
    return Path(app.synth().directory)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models in a local store."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, {name: local_artifact(folder, name) for name in ("digits", "other")})
    return synthesise(folder)


@pytest.fixture(scope="module")
def sam() -> Path:
    """The interpreter of SAM's own environment."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    requirements = ROOT / "requirements" / "sam.txt"
    folder = own_environment(TOOLS / "venv", requirements, TOOLS / "pip.log", "--no-deps")
    return folder / "bin" / "python"


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of SAM's that knows no credentials."""
    return subprocess.run(
        command,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "SAM_CLI_TELEMETRY": "0",
        },
    )


@pytest.mark.parametrize("stack", ["artifacts", "model-digits", "api"])
def test_sam_validates_each_template(assembly: Path, sam: Path, stack: str) -> None:
    template = f"lading-dev-{stack}.template.json"
    done = run(assembly, sam, "-m", "samcli", "validate", "--lint", "--template", template)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_sam_validates_the_template_that_it_runs(assembly: Path, sam: Path) -> None:
    template = write_sam_template(assembly)
    done = run(assembly, sam, "-m", "samcli", "validate", "--lint", "--template", template.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_sam_finds_the_code_behind_every_route(assembly: Path, sam: Path) -> None:
    template = write_sam_template(assembly)
    done = run(assembly, sam, "-c", FOUND, template.name)
    assert done.returncode == 0, done.stderr
    routes = json.loads(done.stdout)
    assert {"/digits/{proxy+}", "/other/{proxy+}", "/v2/{proxy+}"} <= routes.keys()
    for path, (function, folders) in routes.items():
        model = path.split("/")[1] in {"digits", "other"}
        name = f"model-{path.split('/')[1]}" if model else "api-front"
        assert function == f"lading-dev-{name}"
        assert len(folders) == (3 if model else 1)
        assert all((assembly / folder).exists() for folder in folders)


def test_layers_in_a_bucket_are_refused(tmp_path: Path) -> None:
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))})
    with pytest.raises(NotForSam, match="is in a bucket; package into a local store"):
        sam_template(synthesise(tmp_path))


def test_an_app_that_does_not_say_where_its_code_is_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, {"digits": local_artifact(tmp_path, "digits")})
    with pytest.raises(NotForSam, match="run `cdk synth`"):
        sam_template(synthesise(tmp_path, noted=""))


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotForSam, match="has no synthesized app"):
        write_sam_template(tmp_path)
    assert not (tmp_path / FILE).exists()
