import pytest

from lading.model_packaging.sources.ubjson import require_ubjson

WHOLE = [
    b"Z",
    b"i\x05",
    b"Si\x02ab",
    b"[]",
    b"{}",
    b"[i\x01U\x02]",
    b"{i\x01aT" + b"i\x01bd\x00\x00\x00\x00}",
    b"[#i\x02i\x01i\x02",
    b"[$d#i\x02" + b"\x00" * 8,
    b"{#i\x01i\x01aL" + b"\x00" * 8,
]


@pytest.mark.parametrize("content", WHOLE)
def test_one_whole_value_passes_and_every_part_of_it_does_not(content: bytes) -> None:
    require_ubjson(content)
    for end in range(len(content)):
        with pytest.raises(ValueError, match="ends too early"):
            require_ubjson(content[:end])
    with pytest.raises(ValueError, match="has 1 bytes after its end"):
        require_ubjson(content + b"Z")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"?", "unknown marker b'\\?'"),
        (b"SS", "length of type b'S'"),
        (b"Si\xff", "ends too early"),
        (b"[$d#L" + b"\x7f" * 8, "ends too early"),
        (b"[" * 40, "nested more than 32 deep"),
    ],
)
def test_what_would_lead_a_reader_astray_is_refused(content: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        require_ubjson(content)
