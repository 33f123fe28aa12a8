from pathlib import Path

import pytest

from lading.model_packaging.remote.kind import MOST_BYTES, Room, SourceUnfetched

ADDRESS = "https://example.com/m.onnx?key=secret"


def room(folder: Path, total: int = 0) -> Room:
    return Room(ADDRESS, folder, lambda *_: None, total)


def test_a_source_that_states_too_many_bytes_is_refused_before_they_come(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match="fit on this disk") as caught:
        room(tmp_path, MOST_BYTES + 1)
    assert "secret" not in str(caught.value)


def test_a_source_that_does_not_state_them_is_refused_as_they_come(tmp_path: Path) -> None:
    made = room(tmp_path)
    made.took(1)
    with pytest.raises(SourceUnfetched, match="fit on this disk"):
        made.took(MOST_BYTES)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../../b", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceUnfetched, match="unusable name"):
        room(tmp_path).place(name)
