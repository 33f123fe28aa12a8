import zipfile
from pathlib import Path

import pytest

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.archive import require_harmless
from tests.support.frameworks import needs


def archive(folder: Path, members: dict[str, bytes], name: str = "model.pt") -> ModelSpec:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members.items():
            file.writestr(member, content)
    return ModelSpec("m", path)


def test_ordinary_archives_and_other_files_pass(tmp_path: Path) -> None:
    require_harmless(archive(tmp_path, {"m/data.pkl": b"\x80" * 100, "zeros": bytes(1 << 19)}))
    (tmp_path / "other").write_bytes(b"no archive")
    require_harmless(ModelSpec("m", tmp_path / "other"))


def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(
        SourceUnreadable, match="unpacks to 10485760 bytes, more than the limit for weights"
    ):
        require_harmless(archive(tmp_path, {"zeros": bytes(10 << 20)}))


@pytest.mark.parametrize("member", ["../evil", "/etc/evil", "a/../../evil", "..\\evil"])
def test_a_path_that_leaves_the_archive_is_refused(tmp_path: Path, member: str) -> None:
    with pytest.raises(SourceUnreadable, match="a path that leaves the archive: '"):
        require_harmless(archive(tmp_path, {member: b"x"}))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("model.pt", marks=needs("pytorch", "torch")),
        pytest.param("model.pt2", marks=needs("pytorch", "torch")),
        pytest.param("model.keras", marks=needs("tensorflow", "tensorflow")),
        "model.skops",
    ],
)
def test_every_converter_of_archives_looks_first(tmp_path: Path, name: str) -> None:
    spec = archive(tmp_path, {"../evil": b"x"}, name)
    with pytest.raises(SourceUnreadable, match="a path that leaves the archive"):
        find_converter("m", spec.source).convert(spec)
    assert not (tmp_path.parent / "evil").exists()
