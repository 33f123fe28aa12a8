import os
import runpy
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from lading.stacks.build.compile_tree import compile_tree

UNCHECKED_HASH = (1).to_bytes(4, "little")


def test_compiled_files_replace_their_sources(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("x = 1\n")
    compile_tree(tmp_path, "/opt", keep_source=False)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.pyc"]


def test_compiled_files_stand_beside_their_sources(tmp_path: Path) -> None:
    source = tmp_path / "b.py"
    source.write_text("x = 1\n")
    compile_tree(tmp_path, "/var/task", keep_source=True)
    assert source.exists()
    assert Path(cache_from_source(str(source))).exists()


def test_compiled_files_are_valid_at_any_time_and_name_their_later_place(tmp_path: Path) -> None:
    source = tmp_path / "b.py"
    source.write_text("x = 1\n")
    os.utime(source, (0, 0))
    compile_tree(tmp_path, "/opt", keep_source=False)
    compiled = (tmp_path / "b.pyc").read_bytes()
    assert compiled[:8] == MAGIC_NUMBER + UNCHECKED_HASH
    assert b"/opt/b.py" in compiled
    assert str(tmp_path).encode() not in compiled


def test_assertions_and_docstrings_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('"""Text."""\ntext = __doc__\n')
    (tmp_path / "b.py").write_text("wrong = 0\nassert wrong\n")
    compile_tree(tmp_path, "/opt", keep_source=False)
    assert runpy.run_path(str(tmp_path / "a.pyc"))["text"] == "Text."
    with pytest.raises(AssertionError):
        runpy.run_path(str(tmp_path / "b.pyc"))
