import shutil
import sys
from pathlib import Path

import pytest

from lading.stacks.build.bytecode import PYODIDES, Compiler, native_compiler, webassembly_compiler
from lading.stacks.errors import CompilationFailed, CompilerMissing
from lading.stacks.stages.target import LAMBDA_PYTHON

NODE_ONLY = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="needs Node.js and npm"
)

MAGIC_3_13 = bytes.fromhex("f30d0d0a")


@pytest.fixture(scope="module")
def webassembly(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return webassembly_compiler("3.13", tmp_path_factory.mktemp("tools"))


def sources(folder: Path, **texts: str) -> Path:
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_tree_is_compiled_by_the_interpreter_that_is_given(tmp_path: Path) -> None:
    folder = sources(tmp_path / "tree", a="x = 1\n")
    native_compiler("3", Path(sys.executable)).compile(folder, "/opt", "instead")
    assert [path.name for path in folder.iterdir()] == ["a.pyc"]


def test_a_file_that_does_not_compile_is_named(tmp_path: Path) -> None:
    folder = sources(tmp_path / "tree", broken="x = = 1\n")
    with pytest.raises(CompilationFailed, match=r"Python 3:.*broken\.py"):
        native_compiler("3", Path(sys.executable)).compile(folder, "/opt", "instead")


@NODE_ONLY
def test_the_targets_python_compiles_in_webassembly(tmp_path: Path, webassembly: Compiler) -> None:
    folder = sources(tmp_path / "tree", a="x = 1\n", b="y = 2\n")
    webassembly.compile(folder, "/opt", "instead")
    assert sorted(path.name for path in folder.iterdir()) == ["a.pyc", "b.pyc"]
    compiled = (folder / "a.pyc").read_bytes()
    assert compiled.startswith(MAGIC_3_13)
    assert b"/opt/a.py" in compiled


@NODE_ONLY
def test_webassembly_names_a_file_that_does_not_compile(
    tmp_path: Path, webassembly: Compiler
) -> None:
    folder = sources(tmp_path / "tree", broken="x = = 1\n")
    with pytest.raises(CompilationFailed, match=r"broken\.py"):
        webassembly.compile(folder, "/opt", "beside")


def test_lambdas_python_has_a_webassembly_build() -> None:
    assert LAMBDA_PYTHON in PYODIDES


def test_a_python_that_nothing_here_compiles_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompilerMissing, match=r"uv python install 3\.99"):
        webassembly_compiler("3.99", tmp_path)
