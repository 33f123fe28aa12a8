import os
import runpy
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from lading.stacks.build.bytecode import compile_folder
from lading.stacks.errors import CompilationFailed

UNCHECKED_HASH = (1).to_bytes(4, "little")


def compiled(
    folder: Path, *, keep_sources: bool = False, prefix: str = "/opt", **texts: str
) -> Path:
    """A folder with these sources, compiled by this interpreter."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    compile_folder(Path(sys.executable), folder, prefix, keep_sources=keep_sources)
    return folder


def test_compiled_files_replace_their_sources(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("x = 1\n")
    assert [path.name for path in (compiled(tmp_path) / "a").iterdir()] == ["b.pyc"]


def test_compiled_files_stand_beside_their_sources(tmp_path: Path) -> None:
    source = compiled(tmp_path, keep_sources=True, prefix="/var/task", b="x = 1\n") / "b.py"
    assert source.exists()
    assert Path(cache_from_source(str(source))).exists()


def test_compiled_files_are_valid_at_any_time_and_name_their_later_place(tmp_path: Path) -> None:
    source = tmp_path / "b.py"
    source.write_text("x = 1\n")
    os.utime(source, (0, 0))
    content = (compiled(tmp_path) / "b.pyc").read_bytes()
    assert content[:8] == MAGIC_NUMBER + UNCHECKED_HASH
    assert b"/opt/b.py" in content
    assert str(tmp_path).encode() not in content


def test_assertions_and_docstrings_are_kept(tmp_path: Path) -> None:
    compiled(tmp_path, a='"""Text."""\ntext = __doc__\n', b="wrong = 0\nassert wrong\n")
    assert runpy.run_path(str(tmp_path / "a.pyc"))["text"] == "Text."
    with pytest.raises(AssertionError):
        runpy.run_path(str(tmp_path / "b.pyc"))


def test_a_file_that_does_not_compile_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CompilationFailed, match=r"^[^\n]*broken\.py[^\n]*SyntaxError[^\n]*$"):
        compiled(tmp_path, good="x = 1\n", broken="x = = 1\n")
    assert (tmp_path / "good.py").exists()
