import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.store.durable import exclusive, make_folder, replace_file, write_file

HOLD = """
import sys, time
from pathlib import Path
from lading.model_packaging.store.durable import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_file_is_written_and_replaced_with_nothing_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    write_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock.json"]


def test_an_unfinished_copy_of_a_killed_writer_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".lock.json.tmp").write_bytes(b"half")
    replace_file(tmp_path / "lock.json", b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock.json"]


def test_folders_are_made_with_those_above_them_and_may_exist(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


def test_the_lock_of_a_killed_holder_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "guard"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    with exclusive(path):
        assert path.exists()
