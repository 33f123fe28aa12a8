from pathlib import Path

from lading.api.errors import NothingLocked
from lading.cli.errors import Unwritable


def test_a_missing_lock_and_a_missing_entry_get_different_advice(tmp_path: Path) -> None:
    lock = tmp_path / "models.lock.json"
    assert "does not exist yet; run `lading package`" in str(NothingLocked(lock, "versions"))
    lock.write_text("{}")
    assert "has no versions; run `lading versions`" in str(NothingLocked(lock, "versions"))


def test_a_file_that_cannot_be_written_names_the_reason_and_the_option(tmp_path: Path) -> None:
    error = Unwritable(tmp_path / "page.html", PermissionError(13, "Permission denied"))
    assert str(error).endswith("page.html cannot be written: Permission denied; choose another "
                               "--output")  # fmt: skip
