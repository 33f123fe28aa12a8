"""Alarms and pages of the runbook belong together; `test_rules.py` sees every alarm's own page."""

import re
from pathlib import Path

import pytest

from lading.functions.contract.alarms import ALARMS
from lading.stacks.endpoint.signals import ENDPOINT_SIGNALS
from lading.stacks.monitoring.signals import API_SIGNALS, MODEL_SIGNALS
from lading.stacks.stages.watching import WatchingSettings
from lading.watching.files import alerts
from lading.watching.watched_stage import WatchedStage

FOLDER = Path(__file__).parents[2] / "docs/runbook"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README")
BY_HAND = {"wake", "retraining"}
"""Alarms of scaling and of state machines, which no list has."""

NAMED = {
    *(signal.page or signal.key for signal in MODEL_SIGNALS),
    *(signal.page or signal.key for signal in API_SIGNALS),
    *(signal.page or signal.key for each in ENDPOINT_SIGNALS.values() for signal in each),
}


def test_there_is_a_page_for_each_alarm_and_no_other() -> None:
    named = NAMED | {name for key, name in vars(ALARMS).items() if not key.startswith("_")}
    named |= {alert.page for alert in alerts(WatchedStage("prod", WatchingSettings()))}
    assert {*PAGES} == named | BY_HAND


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_means_how_to_see_it_and_what_to_do(page: str) -> None:
    text = (FOLDER / f"{page}.md").read_text()
    headings = re.findall("^## (.+)$", text, re.MULTILINE)
    assert headings == ["What it means", "How to see it", "What to do"]
    assert all(part.strip() for part in re.split("^##? .+$", text, flags=re.MULTILINE)[2:])
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (FOLDER / link).resolve().exists(), link


def test_the_table_of_pages_has_each_of_them() -> None:
    table = (FOLDER / "README.md").read_text()
    assert sorted({*re.findall(r"\(([\w-]+)\.md\)", table)}) == PAGES
