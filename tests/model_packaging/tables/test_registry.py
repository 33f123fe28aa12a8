import zipfile
from pathlib import Path

import pytest

from lading.model_packaging.tables.registry import FORMATS, MAX_BYTES, read_table
from lading.model_packaging.tables.table import Unreadable


def test_each_format_is_found_by_its_suffix() -> None:
    assert [each.suffix for each in FORMATS] == [".csv", ".jsonl", ".npz", ".parquet"]


def test_what_unpacks_to_more_than_is_read_is_refused_before_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        chunk = bytes(1 << 24)
        with archive.open("x.npy", "w", force_zip64=True) as member:
            for _ in range(MAX_BYTES // len(chunk) + 1):
                member.write(chunk)
    with pytest.raises(Unreadable, match="exceeds the limit of 1,073,741,824"):
        read_table(path)


def test_a_long_file_of_text_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(Unreadable, match="exceeds the limit"):
        read_table(path)


def test_a_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(Unreadable, match="cannot be read"):
        read_table(tmp_path / "rows.csv")
