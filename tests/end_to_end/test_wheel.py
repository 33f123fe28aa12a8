"""The wheel, installed with nothing but the requirements that it names, outside the checkout."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.request import Request, urlopen
from zipfile import ZipFile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from packaging.requirements import Requirement

from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS

pytestmark = pytest.mark.slow

SOURCES = (
    *("lading", *ROOMS, "pyproject.toml", "README.md", "LICENSE", "requirements"),
    *("cdk.json", "package.json", "package-lock.json"),
)
NOT_CODE = {"Dockerfile", "Dockerfile.dockerignore", "Dockerfile.managed"}
"""Files of the rooms that build an image from a checkout."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build writes into the folder of its sources."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(built), str(source))
    [file] = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment with the wheel and the distributions that it requires."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    [packages] = home.glob("lib/python3*/site-packages")
    for each in required(requirements_of(wheel)):
        link(each, packages)
    pip = (sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"))
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    return home / "bin"


@pytest.fixture(scope="module")
def project(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with a model that the installed command has packaged."""
    folder = tmp_path_factory.mktemp("project")
    onnx.save(twice(), folder / "twice.onnx")
    (folder / "models.yaml").write_text("models:\n  twice:\n    source: twice.onnx\n")
    out = run(str(commands / "lading"), "package", "--json", folder=folder)
    assert json.loads(out)[0]["version"] == 1
    return folder


def twice() -> onnx.ModelProto:
    """A model that doubles three numbers."""
    shape: list[str | int | None] = ["rows", 3]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(2, np.float32), "two")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(*command: str, folder: Path | None = None, status: int = 0) -> str:
    """What a command wrote, or its errors if it is to fail; no variable leads to the checkout."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder or ROOT), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[str]:
    """The URL of a server, which is stopped at the end."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield str(json.loads(server.stdout.readline())["url"])
        finally:
            server.send_signal(signal.SIGINT)


def requirements_of(wheel: Path) -> list[str]:
    """What the metadata of the wheel require."""
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().partition("\n\n")[0].splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]


def required(requirements: list[str]) -> list[Distribution]:
    """The installed distributions that these need, and those that they need, without extras."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        each = waiting.pop()
        if each.name in found or (each.marker and not each.marker.evaluate({"extra": ""})):
            continue
        found[each.name] = distribution(each.name)
        waiting += map(Requirement, found[each.name].requires or [])
    return list(found.values())


def link(package: Distribution, folder: Path) -> None:
    """Put the files of a distribution into `folder`."""
    for name in {file.parts[0] for file in package.files or [] if file.parts[0] != ".."}:
        target = Path(str(package.locate_file(name)))
        if not (folder / name).exists() and target.exists():
            (folder / name).symlink_to(target)


def test_it_has_every_file_of_the_rooms_and_nothing_beside_them(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    links = [path for path in (ROOT / "lading").iterdir() if path.is_symlink()]
    rooms = [path for path in links if path.is_dir()]
    files = [path for room in rooms for path in room.resolve().rglob("*") if path.is_file()]
    tracked = {
        f"lading/{path.relative_to(ROOT)}"
        for path in files
        if "__pycache__" not in path.parts and path.name not in NOT_CODE
    }
    single = {f"lading/{path.name}" for path in links if path.is_file()}
    assert names == tracked | single | {"lading/__init__.py", "lading/__init__.pyi"}
    assert len(names) > 400


def test_the_command_helps(commands: Path, tmp_path: Path) -> None:
    assert "Usage: lading" in run(str(commands / "lading"), "--help", folder=tmp_path)


def test_what_it_packaged_answers(commands: Path, project: Path) -> None:
    command = [str(commands / "lading"), "serve", "--port", "0", "--json"]
    body = json.dumps({"inputs": [[1, 2, 3]]}).encode()
    with serving(command, project) as url, urlopen(Request(f"{url}/predict/twice", body)) as answer:
        assert json.load(answer)["outputs"] == {"y": [[2.0, 4.0, 6.0]]}


def test_a_framework_that_is_not_installed_is_named_with_its_extra(
    commands: Path, tmp_path: Path
) -> None:
    (tmp_path / "tree.skops").write_bytes(b"a file that needs scikit-learn to be read")
    (tmp_path / "models.yaml").write_text("models:\n  tree:\n    source: tree.skops\n")
    out = run(str(commands / "lading"), "package", folder=tmp_path, status=5)
    assert "pip install 'lading[sklearn]'" in out


def test_a_new_project_serves_a_model_without_a_command_between(
    commands: Path, tmp_path: Path
) -> None:
    onnx.save(twice(), tmp_path / "twice.onnx")
    lading = str(commands / "lading")
    run(lading, "init", "shop", "--from", "twice.onnx", folder=tmp_path)
    body = json.dumps({"inputs": [[1, 2, 3]]}).encode()
    with (
        serving([lading, "serve", "--port", "0", "--json"], tmp_path / "shop") as url,
        urlopen(Request(f"{url}/twice/predict", body)) as answer,
    ):
        assert json.load(answer)["outputs"] == {"y": [[2.0, 4.0, 6.0]]}


def test_it_names_the_project_that_the_stacks_need(commands: Path, project: Path) -> None:
    out = run(str(commands / "lading"), "emulate", "--once", folder=project, status=7)
    assert "has no app.py" in out
    assert "lading init" in out
    assert "Traceback" not in out
