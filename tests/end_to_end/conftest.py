"""The digits example, trained and packaged once, and served both ways."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lading.cli.emulated_stage import lambda_python
from lading.emulator.cloud.account import EmulatedCloud
from lading.model_packaging.confinement import unavailable

ROOT = Path(__file__).parents[2]


def command_environment() -> dict[str, str]:
    """As in an activated environment: `lading` and `python` are on the path."""
    binaries = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "COLUMNS": "100"}


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds for its user, with the example trained; no test changes it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("models.yaml", "models.schema.json", "README.md"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("*.npz", "*.skops", "__pycache__")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored)
    subprocess.run(
        [sys.executable, "examples/digits/train.py"], cwd=folder, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="session")
def published(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with version 1 of the digits published; no test publishes more."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(checkout, folder, dirs_exist_ok=True)
    lading(folder, "package")
    return folder


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedCloud]:
    """An AWS on this machine, bootstrapped and empty; a stage each for who deploys into it.

    Where this machine has Lambda's Python, as in CI, its functions run the layers that would be
    deployed.
    """
    folder = tmp_path_factory.mktemp("cloud")
    with EmulatedCloud(folder, lambda_python=lambda_python()) as running:
        running.bootstrap()
        yield running


@pytest.fixture(
    scope="session",
    params=[
        "process",
        pytest.param(
            "lambda",
            marks=pytest.mark.skipif(
                sys.platform != "linux", reason="AWS's Lambda runtime runs on Linux"
            ),
        ),
    ],
)
def served(request: pytest.FixtureRequest, published: Path) -> Iterator[str]:
    """The URL of `lading serve`, under each runtime."""
    with serving(published, "--runtime", request.param) as url:
        yield url


def run(folder: Path, *command: str) -> str:
    """Run a command, and give what it wrote on standard output."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=command_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_in_shell(folder: Path, script: str) -> str:
    """Run a block of a guide; unconfined where the system cannot confine the code of a pickle."""
    if unavailable():
        script = re.sub(r"lading (init|package)", r"lading \1 --unconfined", script)
    return run(folder, "bash", "-euc", script)


def lading(folder: Path, *words: str) -> str:
    """Run `lading`, and give what it wrote on standard output."""
    return run(folder, "lading", *words)


def lading_in(
    folder: Path, environment: Mapping[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """Run `lading` in the emulated account that these variables lead to."""
    return subprocess.run(
        ["lading", *words],
        cwd=folder,
        env={**command_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def guide_commands(guide: str, start: str, **instead: str) -> list[list[str]]:
    """The different `lading` commands of a guide that begin so, with other words in place of some.

    Their first word is left out.
    """
    text = (ROOT / "docs" / guide).read_text()
    found = [line for line in text.splitlines() if line.startswith(f"lading {start}")]
    return [[instead.get(word, word) for word in it.split()[1:]] for it in dict.fromkeys(found)]


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[str]:
    """`lading serve` on a free port, ended at the end."""
    with subprocess.Popen(
        ["lading", "serve", "--port", "0", "--json", *words],
        cwd=folder,
        env=command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield str(json.loads(server.stdout.readline())["url"])
        finally:
            server.send_signal(signal.SIGINT)
