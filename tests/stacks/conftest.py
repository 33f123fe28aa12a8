import shutil
from pathlib import Path
from typing import get_args

import pytest

from lading.functions.contract.names import Library
from lading.stacks.build.lambda_code import Folders, LambdaCode
from lading.stacks.stages.target import lambda_target, local_target
from tests.stacks import api_stages
from tests.support.lambda_python import require_lambda_python

ROOT = Path(__file__).parents[2]

api_assembly, stage = api_stages.api_assembly, api_stages.stage
"""Fixtures: the templates of the API's stack in every kind of stage."""

SMALL = ("mangum", "typing-extensions")
"""Distributions whose layer builds in a second or two."""


def copy_project(folder: Path, *, small: bool = True) -> Path:
    """A checkout in `folder`, as far as the Lambda code goes; `small` locks little."""
    shutil.copytree(ROOT / "functions", folder / "functions")
    (folder / "lading").mkdir()
    shutil.copy(ROOT / "lading/__init__.py", folder / "lading")
    (folder / "requirements").mkdir()
    lock = (ROOT / "requirements/lambda.txt").read_text()
    if small:
        blocks = lock.replace(" \\\n    ", " ").splitlines(keepends=True)
        lock = "".join(block for block in blocks if block.startswith(SMALL))
    (folder / "requirements/lambda.txt").write_text(lock)
    for library in get_args(Library):
        shutil.copy(ROOT / f"requirements/{library}.txt", folder / "requirements")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout that locks little."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def cross(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The whole code, for Lambda."""
    require_lambda_python()
    project = copy_project(tmp_path_factory.mktemp("cross") / "project", small=False)
    return LambdaCode(project, lambda_target()).build()


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The whole code, for this machine."""
    project = copy_project(tmp_path_factory.mktemp("local") / "project", small=False)
    return LambdaCode(project, local_target()).build()
