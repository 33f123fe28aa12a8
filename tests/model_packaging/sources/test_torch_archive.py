import zipfile
from pathlib import Path

import pytest

from lading.model_packaging.sources.torch_archive import TorchArchive, has_program, torch_archive


def archive(folder: Path, *names: str) -> Path:
    path = folder / "model.pt"
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(f"model/{name}", b"content")
    return path


@pytest.mark.parametrize(
    ("names", "kind", "program"),
    [
        (["data.pkl", "constants.pkl"], TorchArchive.SCRIPT, True),
        (["models/model.json", "data/weights/weight_0"], TorchArchive.PROGRAM, True),
        (["data.pkl", "data/0"], TorchArchive.WEIGHTS, False),
    ],
    ids=["TorchScript", "exported program", "weights"],
)
def test_the_kind_of_an_archive_is_known_by_its_members(
    tmp_path: Path, names: list[str], kind: TorchArchive, *, program: bool
) -> None:
    path = archive(tmp_path, *names)
    assert torch_archive(path) is kind
    assert has_program(path) is program


def test_what_is_no_archive_has_no_program(tmp_path: Path) -> None:
    path = archive(tmp_path, "constants.pkl")
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"\0" * (len(whole) - 62) + whole[-22:])
    assert zipfile.is_zipfile(path)
    assert not has_program(path)
    path.write_bytes(b"no archive")
    assert torch_archive(path) is None
    assert not has_program(tmp_path)
    assert not has_program(tmp_path / "gone")
