"""Headers read late are the headers that are read at once."""

import pytest

from lading.functions.inference.wire.header_lines import HeaderLines
from lading.functions.inference.wire.messages import read_headers

LINES = [
    [],
    [(b"host", b"x"), (b"accept", b"text/csv"), (b"x-latin", b"\xe4")],
    [(b"accept", b"a"), (b"accept", b"b"), (b"content-type", b"c"), (b"content-type", b"c")],
]


@pytest.mark.parametrize("lines", LINES, ids=["none", "each once", "some twice"])
def test_the_mapping_is_that_of_all_headers_read_at_once(lines: list[tuple[bytes, bytes]]) -> None:
    wanted = read_headers(lines)
    for name in (*wanted, "missing", "Accept", "\u20ac"):
        assert HeaderLines(lines).get(name, "none") == wanted.get(name, "none")
        assert (name in HeaderLines(lines)) == (name in wanted)
    assert dict(HeaderLines(lines)) == wanted
    assert len(HeaderLines(lines)) == len(wanted)


def test_a_header_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        HeaderLines([])["accept"]
