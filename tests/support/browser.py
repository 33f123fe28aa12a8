"""The system's Chromium, driven by Playwright; `make browser` installs Debian's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.frameworks import EVERY_FRAMEWORK

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium_path() -> str:
    """Where Chromium is; the test is skipped where it is not, unless it must be there."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        assert EVERY_FRAMEWORK not in os.environ, "Chromium is not installed: make browser"
        pytest.skip("Chromium is not installed; on Debian and Ubuntu: make browser")
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser. Its sandbox needs another user than root, and more shared memory."""
    own = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        path = chromium_path()
        browser = playwright.chromium.launch(executable_path=path, args=own)
        try:
            yield browser
        finally:
            browser.close()


def noted(page: Page) -> list[str]:
    """A list that gets the text of each error, of scripts and of the console."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda told: found.append(told.text) if told.type == "error" else None)
    return found
