import shutil
from pathlib import Path

import lading
from lading.api.reports import ModelReport
from tests.cli.conftest import package_in
from tests.support.worlds import times


def test_a_notebook_shows_the_page_in_a_frame_without_scripts(published: Path) -> None:
    page = lading.report("double", lock=published / "models.lock.json")
    shown = page._repr_html_()
    assert shown.startswith('<iframe sandbox title="double version 1"')
    assert "&lt;h1&gt;double version 1&lt;/h1&gt;" in shown
    assert "<h1>" not in shown


def test_it_is_saved_where_it_is_wanted(tmp_path: Path) -> None:
    page = ModelReport("m", 1, "<h1>é</h1>")
    assert page.save(tmp_path / "page.html").read_text(encoding="utf-8") == "<h1>é</h1>"


def test_the_version_before_stands_beside_it_where_it_can_be_read(
    published: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(published, tmp_path / "project")
    (folder / "double.onnx").write_bytes(times(3))
    lock = package_in(folder) / "models.lock.json"
    assert "Beside version 1" in lading.report("double", 2, lock=lock).html
    assert "Beside version" not in lading.report("double", 1, lock=lock).html
    shutil.rmtree(folder / "artifacts" / "models" / "double" / "1")
    assert "Beside version" not in lading.report("double", 2, lock=lock).html
