from pathlib import Path

from tests.cli.conftest import Lading


def test_writes_a_page_about_the_stable_version(packaged: Lading, workspace: Path) -> None:
    assert packaged("report", "double").out == "double-1.html\n"
    assert "<h1>double version 1</h1>" in (workspace / "double-1.html").read_text()


def test_writes_it_where_it_is_asked_for(packaged: Lading, workspace: Path) -> None:
    result = packaged("report", "double", "--version", "1", "--output", "page.html", "--json")
    assert result.document == {"model": "double", "version": 1, "file": "page.html"}
    assert (workspace / "page.html").read_text().startswith("<!doctype html>")


def test_a_dry_run_names_the_file_and_writes_none(packaged: Lading, workspace: Path) -> None:
    dry = packaged("report", "double", "--dry-run")
    assert dry.out == "double-1.html\n"
    assert "nothing was written" in dry.err
    assert not (workspace / "double-1.html").exists()


def test_a_lost_report_costs_only_its_figures(packaged: Lading, workspace: Path) -> None:
    (report,) = workspace.rglob("report.json")
    report.unlink()
    assert packaged("report", "double").code == 0
    report.write_text('{"stages": [{"step": "convert"}]}')
    result = packaged("report", "double")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "damaged" in result.err


def test_a_version_that_is_not_locked_is_not_found(packaged: Lading) -> None:
    assert packaged("report", "triple").code == 4
    assert packaged("report", "double", "--version", "7").code == 4


def test_a_place_that_cannot_be_written_costs_one_line(packaged: Lading) -> None:
    result = packaged("report", "double", "--output", "absent/page.html")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "cannot be written" in result.err
