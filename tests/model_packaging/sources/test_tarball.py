import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.sources.tarball import (
    ARCHIVE,
    MAX_FILES,
    ArchiveRefused,
    archived,
    unpack,
)
from lading.model_packaging.store.engine_files import gather

CONTENTS: dict[str, bytes | Path] = {
    "config.json": b"{}",
    "deep/er/weights": bytes(range(256)) * 5000,
    "empty": b"",
    "n" * 120 + "/naïve": b"long",
}


def write(folder: Path, contents: dict[str, bytes | Path]) -> Path:
    files = archived(gather("m", folder, contents))
    path = folder / ARCHIVE
    path.write_bytes(b"".join(files.read(ARCHIVE)))
    return path


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    unpack(write(tmp_path, CONTENTS), tmp_path / "out", 2_000_000)
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == CONTENTS


def test_the_same_files_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    one = archived(gather("m", tmp_path, CONTENTS))
    other = archived(gather("m", tmp_path, dict(reversed(CONTENTS.items()))))
    assert one.files == other.files
    content = b"".join(one.read(ARCHIVE))
    assert one.files[ARCHIVE].digest == sha256(content)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert {(info.mtime, info.uid, info.mode) for info in tar} == {(0, 0, 0o644)}
    assert len(gzip.decompress(content)) % tarfile.RECORDSIZE == 0


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], kind: str = "w:gz") -> Path:
    with tarfile.open(path, kind) as archive:  # type: ignore[call-overload] # a mode of its own
        for info, content in members:
            info.size = info.size or len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def member(name: str, **changes: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


HOSTILE = {
    "above": member("../evil"),
    "above, later": member("a/../../evil"),
    "symbolic link": member("link", type=tarfile.SYMTYPE, linkname="/etc"),
    "hard link": member("link", type=tarfile.LNKTYPE, linkname="../evil"),
    "device": member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "pipe": member("pipe", type=tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_leads_out_or_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    archive = tar(tmp_path / ARCHIVE, (HOSTILE[kind], b""))
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveRefused, match="do not use it"):
        unpack(archive, tmp_path / "out", 1000)
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [ARCHIVE, "out"]


def test_an_absolute_path_is_kept_below_the_folder(tmp_path: Path) -> None:
    name = f"{tmp_path}/elsewhere/evil"
    unpack(tar(tmp_path / ARCHIVE, (member(name), b"x")), tmp_path / "out", 1000)
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "out" / name.lstrip("/")).read_bytes() == b"x"


def test_an_archive_that_grows_beyond_what_is_allowed_is_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / ARCHIVE, (member("zeros"), bytes(10_000_000)))
    assert archive.stat().st_size < 100_000
    with pytest.raises(ArchiveRefused, match="unpacks to more than 1,000,000 bytes"):
        unpack(archive, tmp_path / "out", 1_000_000)
    assert not (tmp_path / "out").exists()


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    members = ((member(f"{number}"), b"") for number in range(MAX_FILES + 1))
    with pytest.raises(ArchiveRefused, match="has more than 2,000 files"):
        unpack(tar(tmp_path / ARCHIVE, *members), tmp_path / "out", 1000)


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    info = member("PaxHeader", type=tarfile.XHDTYPE, size=1 << 40)
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(ArchiveRefused, match="cannot be unpacked"):
        unpack(tmp_path / ARCHIVE, tmp_path / "out", 1000)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no tar at all" * 99)],
    ids=["empty", "text", "gzip of a text"],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ARCHIVE).write_bytes(content)
    with pytest.raises(ArchiveRefused, match="cannot be unpacked"):
        unpack(tmp_path / ARCHIVE, tmp_path / "out", 1000)


@pytest.mark.parametrize("kept", [50, 1000, 5000])
def test_a_truncated_archive_is_refused(tmp_path: Path, kept: int) -> None:
    archive = write(tmp_path, CONTENTS)
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(ArchiveRefused, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out", 2_000_000)
