"""What a new user does, from `pip install` to a click in the page; it downloads from the index."""

from pathlib import Path

import pytest

from benchmarks.first_use import MARK, FirstUse, build_wheel, walk, write_table
from benchmarks.first_use_models import CASES
from tests.support.browser import chromium_path


@pytest.mark.slow
@pytest.mark.long
def test_a_pipeline_of_mixed_columns_is_installed_served_and_answered(tmp_path: Path) -> None:
    chromium_path()
    steps = walk(CASES["pandas"], build_wheel(tmp_path), tmp_path)
    assert steps.answer in {"yes", "no"}
    assert all((steps.download, steps.install, steps.init, steps.serve, steps.click))


def test_the_download_is_a_column_of_its_own(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{MARK}\nold\n\n<!-- end -->\nafter\n")
    write_table(page, [FirstUse("keras", 90.0, 20.0, 1.4, 5.0, 2.0, "7")], "A machine.")
    text = page.read_text()
    assert "| keras | 90 s | 20 s | 1 s | 5 s | 2 s | 28 s | 7 |" in text
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("<!-- end -->\nafter\n")
