"""The tutorial: every command, from an empty folder to the emulated cloud."""

import re
import sys
from pathlib import Path

import pytest

from lading.emulator.processes.ports import free_port
from tests.end_to_end.conftest import ROOT, run_in_shell
from tests.support.frameworks import needs

GUIDE = (ROOT / "docs/tutorial.md").read_text()
[SCRIPT] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
INSTALL, TRAIN, INIT, PACKAGE, ASK, SERVE, EMULATE, ACCOUNT = re.findall(
    r"```sh\n(.*?)```", GUIDE, re.DOTALL
)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the page, with version 1."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "train.py").write_text(SCRIPT)
    run_in_shell(folder, TRAIN.replace("python", sys.executable, 1))
    told = run_in_shell(folder, INIT)
    assert "alcohol (number)" in told
    assert "accuracy of 'cultivar' in data/holdout.csv" in told
    assert "wine version 1 published" in run_in_shell(folder / "wine", PACKAGE)
    return folder / "wine"


@pytest.mark.slow
@pytest.mark.long
@needs("tabular", "pandas")
def test_the_model_answers_with_and_without_a_server(wine: Path) -> None:
    assert run_in_shell(wine, ASK).count("label") >= 2
    port = free_port()
    here = SERVE.replace("8080", str(port))
    in_background = here.replace("lading serve &", f"lading serve --port {port} >served.txt &")
    served = run_in_shell(wine, f"set -m\n{in_background}")
    assert '"outputs":{"label":' in served
    assert '"predictions":[{"label":' in served


@pytest.mark.slow
@pytest.mark.long
@needs("tabular", "pandas")
def test_the_stacks_of_the_project_deploy_into_the_emulated_cloud(wine: Path) -> None:
    assert "The answer is right; calls without the token were refused." in run_in_shell(
        wine, EMULATE
    )


def test_what_needs_an_account_or_an_index_is_what_the_guides_say() -> None:
    deploy = (ROOT / "docs/deploy.md").read_text()
    assert "pip install 'lading[tabular,cloud]'" in INSTALL
    names = [line.split()[1] for line in ACCOUNT.splitlines()]
    assert names == ["doctor", "deploy", "smoke", "destroy"]
    assert all(f"lading {name}" in deploy for name in names)
