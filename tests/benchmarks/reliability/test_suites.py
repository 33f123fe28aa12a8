from pathlib import Path

from benchmarks.reliability.suites import read_report

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_right"/>
<testcase classname="tests.a" name="test_wrong"><failure message="no"/></testcase>
<testcase classname="tests.a" name="test_broken"><error message="no"/></testcase>
<testcase classname="tests.a" name="test_absent"><skipped message="no"/></testcase>
</testsuite></testsuites>"""


def test_failed_and_broken_tests_are_wrong_and_skipped_ones_are_told(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(REPORT)
    row = read_report("faults", report)
    assert (row.often, row.wrong, row.good()) == (3, 2, False)
    assert row.reasons == ["tests.a::test_wrong", "tests.a::test_broken"]
    assert [figure.text for figure in row.figures] == ["1 skipped"]


def test_tests_that_could_not_run_are_not_good(tmp_path: Path) -> None:
    assert not read_report("faults", tmp_path / "absent.xml").good()
