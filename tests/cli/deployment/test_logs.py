import json

import pytest
from typer import BadParameter

from lading.cli.deployment.account import LogLine
from lading.cli.deployment.logs import readable, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86400)]
)
def test_how_far_back(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1w", "1.5h"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="such as 10m"):
        seconds_of(text)


def test_a_line_of_json_is_read_for_people() -> None:
    document = {"level": "INFO", "message": "request", "service": "m", "status": 200}
    line = LogLine(1_700_000_000_000, "1", json.dumps(document) + "\n")
    assert readable(line) == "22:13:20  INFO     request  status=200"


@pytest.mark.parametrize("text", ["START RequestId: 1", "[1]", "7"])
def test_any_other_line_stays_as_it_is(text: str) -> None:
    assert readable(LogLine(0, "1", f"{text}\n")) == f"00:00:00  {text}"
