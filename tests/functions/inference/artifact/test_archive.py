from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.inference.artifact.archive import MAX_ARCHIVE_BYTES, pack, unpack

FILES = {"model.onnx": b"weights", "artifact.json": b"{}"}


class Unread(BytesIO):
    """A stream that nobody may read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError


def unpacked(content: bytes) -> dict[str, bytes]:
    return unpack(BytesIO(content), len(content), "digits", 3)


def zipped(*entries: tuple[str, bytes], compression: int = ZIP_STORED) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


@given(st.dictionaries(st.sampled_from(["a.json", "b.onnx", "c"]), st.binary()))
def test_files_come_back_as_they_were(files: dict[str, bytes]) -> None:
    assert unpacked(pack("digits", 3, files)) == files


def test_the_same_files_are_the_same_bytes_whatever_their_order() -> None:
    assert pack("digits", 3, FILES) == pack("digits", 3, dict(reversed(FILES.items())))


def test_it_is_laid_out_as_a_layer_that_anybody_may_read() -> None:
    with ZipFile(BytesIO(pack("digits", 3, FILES))) as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == [
        "models/digits/3/artifact.json",
        "models/digits/3/model.onnx",
    ]
    assert {(each.external_attr >> 16, each.date_time) for each in entries} == {
        (0o100644, (1980, 1, 1, 0, 0, 0))
    }


@pytest.mark.parametrize(
    "name",
    [
        *("models/digits/3/../../../etc/passwd", "/models/digits/3/model.onnx", "model.onnx"),
        *("models/digits/4/model.onnx", "models/iris/3/model.onnx", "models/digits/3/.."),
        *("models/digits/3/a/b", "models/digits/3/", "models/digits/3/a\\b"),
    ],
)
def test_a_file_of_another_place_is_refused(name: str) -> None:
    with pytest.raises(ArtifactCorrupt, match="contains a file outside its folder"):
        unpacked(zipped((name, b"")))


def test_a_zip_bomb_is_refused_before_it_unfolds() -> None:
    bomb = zipped(("models/digits/3/model.onnx", bytes(10**6)), compression=ZIP_DEFLATED)
    with pytest.raises(ArtifactCorrupt, match="compressed or encrypted"):
        unpacked(bomb)


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(ArtifactCorrupt, match="is larger than"):
        unpack(Unread(), MAX_ARCHIVE_BYTES + 1, "digits", 3)


def test_a_long_list_of_files_is_refused_before_it_is_taken_apart() -> None:
    many = zipped(*((f"models/digits/3/{number}", b"") for number in range(1500)))
    with pytest.raises(ArtifactCorrupt, match="lists too many files"):
        unpacked(many)


def test_a_file_that_is_there_twice_is_refused() -> None:
    name = "models/digits/3/model.onnx"
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped((name, b"a"), (name, b"b"))
    with pytest.raises(ArtifactCorrupt, match="contains a file twice"):
        unpacked(twice)


@given(st.integers(0, 300), st.integers(1, 255))
def test_a_flipped_byte_never_gives_another_file(at: int, change: int) -> None:
    content = bytearray(pack("digits", 3, FILES))
    content[at % len(content)] ^= change
    try:
        assert unpacked(bytes(content)).items() <= FILES.items()
    except ArtifactCorrupt as error:
        assert str(error).startswith("models/digits/3/artifact.zip ")  # noqa: PT017 either will do


@given(st.integers(0, 300))
def test_a_cut_zip_is_an_error(length: int) -> None:
    content = pack("digits", 3, FILES)
    with pytest.raises(ArtifactCorrupt):
        unpacked(content[: length % len(content)])
