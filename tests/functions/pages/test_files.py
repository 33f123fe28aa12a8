"""The files of the pages: what is at which path, with which policy, and from whom."""

import gzip
import re
from base64 import b64encode
from hashlib import sha384
from pathlib import Path
from urllib.parse import urljoin

import pytest

from lading.functions.pages import files
from lading.functions.pages.files import Page, find_page

OURS = ("ui.html", "ui.js", "ui.css")
SWAGGER_UI = {
    "swagger-ui.css": "WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I",
    "swagger-ui-bundle.js": "gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9",
}
"""SHA-384 of the files of swagger-ui-dist 5.35.0, as npm has them."""
ASSETS = Path(files.__file__).parent / "assets"


def page(path: str, *, compressed: bool = False) -> Page:
    found = find_page(path, compressed=compressed)
    assert found is not None, path
    return found


def links(text: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"#]+)"', text)


@pytest.mark.parametrize("path", ["/ui", "/ui/digits", "/docs"])
def test_every_link_of_a_page_leads_to_a_page_or_to_the_api_wherever_it_lies(path: str) -> None:
    text = page(path).body.decode()
    assert links(text)
    for link in links(text):
        place = urljoin(f"https://api.example/dev{path}", link)
        assert place.startswith("https://api.example/dev/")
        below = place.removeprefix("https://api.example/dev").partition("?")[0]
        assert below == "/openapi.json" or find_page(below) is not None, link


def test_a_page_loads_nothing_from_another_host_and_has_no_script_of_its_own() -> None:
    for path in ("/ui", "/docs"):
        text = page(path).body.decode()
        assert "//" not in text
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("path", ["/ui", "/ui/m", "/docs", "/ui/assets/ui.js"])
def test_the_policy_lets_a_browser_run_and_call_this_server_alone(path: str) -> None:
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in page(path).headers["content-security-policy"].split(";")
    )
    styles = "'self' 'unsafe-inline'" if path == "/docs" else "'self'"
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": styles,
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page(path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/ui/", "/ui"),
        ("/ui/m/", "/ui/m"),
        ("/docs/", "/docs"),
        ("/m/docs", "/docs?model=m"),
        ("/m/docs/", "/docs?model=m"),
    ],
)
def test_other_spellings_lead_to_the_page(path: str, leads_to: str) -> None:
    found = page(path)
    assert found.status == 307
    assert urljoin(f"https://a/dev{path}", found.headers["location"]) == f"https://a/dev{leads_to}"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/predict", "/m/predict", "/ui/m/more", "/ui/<b>", "/docs/more", "/m/docs/more"),
        *("/ui/assets/none.js", "/ui/assets/ui.html", "/ui/assets/..", "/ui/assets/../files.py"),
        *("/ui/assets/%2e%2e", "/ui/assets/swagger-ui.css.gz", "/<b>/docs"),
    ],
)
def test_everything_else_is_no_page(path: str) -> None:
    assert find_page(path) is None


def test_the_page_is_small() -> None:
    assert sum((ASSETS / name).stat().st_size for name in OURS) < 40_000


@pytest.mark.parametrize("name", sorted(SWAGGER_UI))
def test_swagger_ui_is_what_npm_has_compressed_or_not(name: str) -> None:
    plain, packed = page(f"/ui/assets/{name}"), page(f"/ui/assets/{name}", compressed=True)
    assert b64encode(sha384(plain.body).digest()).decode() == SWAGGER_UI[name]
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in plain.headers
    assert {plain.headers["vary"], packed.headers["vary"]} == {"accept-encoding"}


def test_a_link_to_an_asset_changes_with_the_assets() -> None:
    tags = {link.partition("?")[2] for link in links(page("/ui").body.decode()) if "assets" in link}
    assert len(tags) == 1
    assert re.fullmatch(r"[0-9a-f]{8}", tags.pop())
    assert "immutable" in page("/ui/assets/ui.js").headers["cache-control"]
    assert page("/ui").headers["cache-control"] == "no-cache"
