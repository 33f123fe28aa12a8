"""Origins in a setting, and which of them a request comes from."""

import pytest

from lading.functions.contract.origins import ALLOW_ORIGIN, allow, read_origins


def test_origins_stand_between_commas() -> None:
    assert read_origins("") == ()
    assert read_origins("*") == ("*",)
    assert read_origins(" https://a.example,http://b.example:8080 ,") == (
        *("https://a.example", "http://b.example:8080"),
    )


@pytest.mark.parametrize(
    "text", ["here.example", "https://", "https://a.example/path", "null", "https://a\r\nx: y"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        read_origins(text)


@pytest.mark.parametrize(
    ("origin", "origins", "told"),
    [
        ("https://a.example", ["*"], "*"),
        ("https://b.example", ["https://a.example", "https://b.example"], "https://b.example"),
        ("https://c.example", ["https://a.example"], None),
        (None, ["*"], None),
    ],
)
def test_a_page_is_told_its_own_origin_or_nothing(
    origin: str | None, origins: list[str], told: str | None
) -> None:
    assert allow(origin, origins).get(ALLOW_ORIGIN) == told
