"""See `model_packaging/sources/numbered_folder.py`."""

from pathlib import Path

from lading.model_packaging.sources.numbered_folder import (
    SAVED_MODEL,
    highest_version,
    stated_number,
)


def save(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / SAVED_MODEL).write_bytes(b"")


def test_the_highest_number_counts_not_the_last_name(tmp_path: Path) -> None:
    for name in ("2", "10", "9"):
        save(tmp_path / name)
    assert highest_version(tmp_path) == (10, tmp_path / "10")
    assert stated_number(tmp_path) == 10


def test_other_folders_are_not_versions(tmp_path: Path) -> None:
    save(tmp_path / "1")
    save(tmp_path / "2.tmp")
    save(tmp_path / "\u0663")
    (tmp_path / "4").mkdir()
    assert stated_number(tmp_path) == 1


def test_a_saved_model_and_a_file_bring_no_number(tmp_path: Path) -> None:
    save(tmp_path / "model")
    save(tmp_path / "model" / "3")
    assert stated_number(tmp_path / "model") is None
    assert stated_number(tmp_path / "model" / SAVED_MODEL) is None
    assert stated_number(tmp_path / "missing") is None
