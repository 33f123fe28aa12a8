from pathlib import Path

import lading
from lading.api.reports import ModelReport


def test_a_notebook_shows_the_page_in_a_frame_without_scripts(published: Path) -> None:
    page = lading.report("double", lock=published / "models.lock.json")
    shown = page._repr_html_()
    assert shown.startswith('<iframe sandbox title="double version 1"')
    assert "&lt;h1&gt;double version 1&lt;/h1&gt;" in shown
    assert "<h1>" not in shown


def test_it_is_saved_where_it_is_wanted(tmp_path: Path) -> None:
    page = ModelReport("m", 1, "<h1>é</h1>")
    assert page.save(tmp_path / "page.html").read_text(encoding="utf-8") == "<h1>é</h1>"
