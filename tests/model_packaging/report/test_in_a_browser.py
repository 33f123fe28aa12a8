"""The page in Chromium: on a phone, in both color schemes, with hostile labels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # no stubs
from playwright.sync_api import Browser, expect

from lading.functions.inference.artifact.reading import read_artifact
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.figures import ReportedVersion
from lading.model_packaging.report.page import render_page
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import wide_spec
from tests.model_packaging.report.test_classes import HOSTILE, section
from tests.support.browser import browsing, noted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a model that `auto` quantized, with ten classes, beside a version before."""
    folder = tmp_path_factory.mktemp("wide")
    spec = wide_spec(folder, quantize=QuantizeSpec("auto"))
    place = Path(package(spec, LocalStore(folder / "store"), folder / "models.lock.json").location)
    specification = read_artifact(place).specification
    report = json.loads((place / "report.json").read_bytes()) | {"by_class": section(10)}
    first, second = (ReportedVersion(number, specification, report) for number in (1, 2))
    return render_page(second, first)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_phone(
    browser: Browser, page: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 800})
    shown = context.new_page()
    errors = noted(shown)
    shown.set_content(page)
    assert shown.evaluate("document.documentElement.scrollWidth") == 375
    letters = shown.locator("svg text").evaluate_all(
        "found => found.map(each => each.getBoundingClientRect().height)"
    )
    assert min(letters) >= 12
    expect(shown.get_by_text(HOSTILE).first).to_be_visible()
    assert errors == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, page: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a foreign script
    shown = context.new_page()
    shown.set_content(page)
    violations = Axe().run(shown).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in ("serious", "critical")] == []
    context.close()


def test_its_policy_lets_no_label_load_anything(browser: Browser, page: str) -> None:
    context = browser.new_context()
    shown = context.new_page()
    errors = noted(shown)
    hostile = '<script>window.hurt = 1</script><img src="https://example.com/x.png">'
    shown.set_content(page.replace("</h1>", f"</h1>{hostile}", 1))
    assert shown.evaluate("window.hurt") is None
    assert [word for word in ("script", "image") if any(word in each for each in errors)] == [
        "script",
        "image",
    ]
    context.close()
