"""The site builds without a broken link, asks no other host, and has every page and reference."""

import functools
import json
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # has no stubs
from playwright.sync_api import Browser, ViewportSize
from typer.core import TyperGroup
from typer.main import get_command

import lading
from lading.api.error_codes import code_of
from lading.cli.main import app
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.limits import CLOUDFORMATION, GATEWAY, LAMBDA, SAGEMAKER
from lading.functions.contract.watched import JUDGED, WATCHED
from lading.model_packaging.manifest.models import render_schema as models_schema
from lading.stacks.stages.schema import render_schema as stages_schema
from tests.support.browser import browsing, noted
from tests.support.frameworks import needs
from website.__main__ import REPOSITORY, build, reference_pages, write_pages
from website.error_classes import ROOTS, error_classes

BY_INDEX = ("adr/", "runbook/", "repository/")
"""Folders whose pages a table of their own lists, not the navigation."""

zensical = needs("site", "zensical")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, as `make site` makes it."""
    folder = tmp_path_factory.mktemp("site")
    write_pages(folder)
    assert build(folder) == 0
    return folder


@pytest.fixture(scope="module")
def references() -> dict[str, str]:
    return reference_pages()


def navigation() -> Iterator[str]:
    class Loader(yaml.SafeLoader):
        """Leaves out what only the builder makes."""

    Loader.add_multi_constructor("!!python/", lambda *_: None)
    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    text = (REPOSITORY / "website/mkdocs.yml").read_text()
    yield from _pages(yaml.load(text, Loader)["nav"])  # noqa: S506 derived from the safe one


def _pages(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    for below in entry if isinstance(entry, list) else entry.values():
        yield from _pages(below)


@zensical
def test_the_navigation_has_every_page_once(site: Path) -> None:
    pages = {str(path.relative_to(site / "pages")) for path in (site / "pages").rglob("*.md")}
    named = [*navigation()]
    assert len(named) == len(set(named))
    assert set(named) <= pages
    assert {page for page in pages if not page.startswith(BY_INDEX)} <= set(named)


@zensical
def test_no_asset_comes_from_another_host(site: Path) -> None:
    loads = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?:https?:)?//[^\"]+")
    found = [loads.findall(page.read_text()) for page in (site / "html").rglob("*.html")]
    assert len(found) > 100
    assert not any(found)


@zensical
@pytest.mark.parametrize("link", ["[x](nowhere.md)", "[x](#nowhere)", "[x](other.md#nowhere)"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, link: str) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ndocs_dir: pages\nsite_dir: html\n")
    (pages / "other.md").write_text("# Other\n")
    (pages / "index.md").write_text("# Title\n\n[other](other.md#other)\n")
    assert build(tmp_path) == 0
    (pages / "index.md").write_text(f"# Title\n\n{link}\n")
    assert build(tmp_path) != 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on a server of its own."""
    handler = functools.partial(_Quiet, directory=str(site / "html"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@zensical
def test_a_browser_finds_an_error_by_its_code_without_asking_another_host(
    browser: Browser, address: str
) -> None:
    page = browser.new_page()
    failures, asked = noted(page), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="networkidle")
    page.keyboard.press("Control+k")
    page.wait_for_function("document.activeElement?.shadowRoot?.activeElement")
    page.keyboard.type("nothing-locked")
    found = page.get_by_role("option", name="nothing-locked").first.get_attribute("href")
    assert found == f"{address}reference/errors/?h=nothing-locked#nothing-locked"
    assert not failures
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]


@zensical
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "tutorial/"])
def test_a_page_is_usable_by_everybody_and_fits_a_phone(
    browser: Browser, address: str, path: str, scheme: Literal["light", "dark"]
) -> None:
    size = ViewportSize(width=390, height=800)
    page = browser.new_page(color_scheme=scheme, viewport=size)
    page.goto(f"{address}{path}", wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    found = Axe().run(page).response["violations"]
    assert not [each["id"] for each in found if each["impact"] in {"serious", "critical"}]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing."""


def commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{path} {name}"
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")


def test_the_reference_has_every_command_and_option(references: dict[str, str]) -> None:
    headings = re.findall(r"^## (lading .+)$", references["cli"], re.MULTILINE)
    assert headings == [*commands(get_command(app), "lading")]
    section = references["cli"].partition("## lading package\n")[2].partition("\n## ")[0]
    assert "`--store`" in section
    assert "lading package digits --json" in section
    assert "| `5` | The trained model or its data cannot be used. |" in references["cli"]


@pytest.mark.parametrize(
    ("page", "schema"), [("models-yaml", models_schema()), ("stages-yaml", stages_schema())]
)
def test_the_reference_has_every_key(references: dict[str, str], page: str, schema: str) -> None:
    text = references[page]
    for name, each in json.loads(schema)["$defs"].items():
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert section, name
        assert all(f"| `{key}` |" in section for key in each.get("properties", {}))
    assert not set(re.findall(r"\(#([\w-]+)\)", text)) - set(
        re.findall(r"^## (\S+)$", text.lower(), re.MULTILINE)
    )


def test_the_reference_has_every_route_figure_name_and_error(references: dict[str, str]) -> None:
    routes = [each.template for dialect in DIALECTS for each in dialect.routes if each.summary]
    assert all(f"`{route}`" in references["http"] for route in routes)
    figures = [each.text for each in (*WATCHED, *JUDGED)]
    assert references["metrics"].count("| ") > len(figures)
    assert all(
        f"`{each.cloudwatch}`" in references["metrics"] for each in WATCHED if each.cloudwatch
    )
    assert all(f"## lading.{name}\n" in references["python"] for name in lading.__all__)
    kinds = [kind for kind in error_classes(REPOSITORY / "lading") if kind not in ROOTS]
    assert all(f"### {code_of(kind)}\n" in references["errors"] for kind in kinds)


def test_the_signature_of_a_function_is_as_it_is_written(references: dict[str, str]) -> None:
    assert "    *,\n    name: str = 'model',\n" in references["python"]
    assert "- `NothingLocked`: " in references["python"]


def test_the_reference_has_every_limit(references: dict[str, str]) -> None:
    for service in (LAMBDA, GATEWAY, SAGEMAKER, CLOUDFORMATION):
        names = [name for name in vars(service) if not name.startswith("_")]
        assert all(f"| `{name}` |" in references["limits"] for name in names)
    assert "| `request_bytes` | 6 MB | The longest event" in references["limits"]
    assert "| `step_percent` | 5 to 50 percent | Share" in references["limits"]
