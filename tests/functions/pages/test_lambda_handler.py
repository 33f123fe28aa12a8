"""The function of pages answers events of API Gateway."""

import gzip
from base64 import b64decode
from typing import Any

import pytest

from lading.functions.pages.files import find_page
from lading.functions.pages.lambda_handler import handler


def event(resource: str, proxy: str = "", base: str = "", **headers: str) -> dict[str, Any]:
    path = resource.replace("{proxy+}", proxy)
    return {
        "resource": resource,
        "path": f"{base}{path}",
        "pathParameters": {"proxy": proxy} if proxy else None,
        "headers": headers or None,
    }


@pytest.mark.parametrize("base", ["", "/ml"])
@pytest.mark.parametrize(
    ("resource", "proxy", "path"),
    [
        ("/ui", "", "/ui"),
        ("/ui/{proxy+}", "digits", "/ui/digits"),
        ("/ui/{proxy+}", "assets/ui.js", "/ui/assets/ui.js"),
        ("/docs", "", "/docs"),
        ("/ui/{proxy+}", "digits/", "/ui/digits/"),
    ],
)
def test_an_event_gets_the_page_at_its_path_below_any_base_path(
    resource: str, proxy: str, path: str, base: str
) -> None:
    answer, page = handler(event(resource, proxy, base), None), find_page(path)
    assert page is not None
    assert (answer["statusCode"], answer["headers"]) == (page.status, page.headers)
    assert b64decode(answer["body"]) == page.body
    assert answer["isBase64Encoded"]


def test_a_large_file_is_sent_compressed() -> None:
    told = {"Accept-Encoding": "gzip, deflate, br"}
    answer = handler(event("/ui/{proxy+}", "assets/swagger-ui-bundle.js", **told), None)
    assert answer["headers"]["content-encoding"] == "gzip"
    assert len(answer["body"]) < 1_000_000
    assert b"SwaggerUIBundle" in gzip.decompress(b64decode(answer["body"]))


def test_what_is_no_page_is_not_found() -> None:
    assert handler(event("/ui/{proxy+}", "assets/../../files.py"), None)["statusCode"] == 404
