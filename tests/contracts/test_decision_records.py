"""The index of decision records lists every record, under its own title."""

import re
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs/adr"
ROW = re.compile(
    r"^\| (?P<number>\d+) \| (?:\[(?P<title>.+)\]\((?P<file>[\w-]+\.md)\))? ?"
    r"\| (?P<status>[\w ]+) \| (?P<date>\S*) ?\|$",
    re.MULTILINE,
)
STATUS = re.compile(r"accepted|withdrawn|replaced by (\d+)")

ROWS = list(ROW.finditer((FOLDER / "README.md").read_text()))
RECORDS = {row["file"]: row for row in ROWS if row["file"]}


def test_every_record_has_a_row_and_every_row_has_a_record() -> None:
    assert sorted(RECORDS) == sorted(path.name for path in FOLDER.glob("[0-9]*.md"))


def test_the_titles_and_numbers_are_those_of_the_records() -> None:
    for file, row in RECORDS.items():
        heading = (FOLDER / file).read_text().partition("\n")[0]
        assert heading == f"# {row['number']}. {row['title']}"
        assert int(file.partition("-")[0]) == int(row["number"])


def test_no_number_is_missing_or_used_twice() -> None:
    assert [int(row["number"]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_a_record_has_a_status_and_a_date_and_a_withdrawn_number_has_none() -> None:
    for row in ROWS:
        assert STATUS.fullmatch(row["status"])
        assert (row["status"] == "withdrawn") == (row["file"] is None)
        assert (row["status"] == "withdrawn") == (not row["date"])
        assert not row["date"] or date.fromisoformat(row["date"])


def test_a_replaced_record_names_one_that_exists() -> None:
    numbers = {row["number"] for row in RECORDS.values()}
    replaced = [match[1] for row in ROWS if (match := STATUS.fullmatch(row["status"]))]
    assert numbers >= {number for number in replaced if number}


def test_a_replaced_record_says_by_which_and_that_one_says_what_it_replaces() -> None:
    replaced = [row for row in ROWS if row["status"].startswith("replaced")]
    assert replaced
    for row in replaced:
        number = row["status"].rpartition(" ")[2]
        [successor] = FOLDER.glob(f"{int(number):04}-*.md")
        text = (FOLDER / row["file"]).read_text()
        assert f"Status: replaced by [{number}]({successor.name})." in text
        assert f"]({row['file']})" in successor.read_text()
