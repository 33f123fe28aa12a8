"""The shipped dashboards are those of the code, and show what the service exports."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from lading.functions.contract.watched import WATCHED, Kind
from lading.watching import dashboards
from lading.watching.files import GRAFANA
from lading.watching.panels import BOARDS

SUFFIXES = {
    Kind.COUNTER: ("_total",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_count", "_sum"),
}
EXPORTED = {f"{it.name}{suffix}" for it in WATCHED for suffix in SUFFIXES[it.kind]}
OF_PROMETHEUS = {"up", "ALERTS"}
EXPRESSIONS = [
    line.expression
    for board in BOARDS
    for row in board.rows
    for panel in row.panels
    for line in panel.lines
]


def shipped() -> dict[str, Any]:
    return {path.name: path.read_text() for path in (GRAFANA / "dashboards").iterdir()}


def test_the_shipped_files_are_those_of_the_code() -> None:
    assert dashboards.documents() == shipped(), "run: make dashboards"


@pytest.mark.parametrize("name", sorted(shipped()))
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    panels = json.loads(shipped()[name])["panels"]
    ids = [panel["id"] for panel in panels]
    assert ids == [*range(1, len(panels) + 1)]
    places = sorted((panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in panels)
    assert all(before != after for before, after in pairwise(places))
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
    cells = {
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    }
    assert len(cells) == sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in panels)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_metrics_that_the_service_exports(expression: str) -> None:
    selected = re.findall(r"([a-zA-Z_:]\w*)\{", expression)
    assert selected
    assert {*selected} <= EXPORTED | OF_PROMETHEUS


def test_every_figure_is_on_a_dashboard() -> None:
    shown = {name for it in EXPRESSIONS for name in re.findall(r"([a-zA-Z_:]\w*)\{", it)}
    hidden = {
        figure.name
        for figure in WATCHED
        if not shown & {f"{figure.name}{suffix}" for suffix in SUFFIXES[figure.kind]}
    }
    assert hidden == {"lading_queue_wait_seconds"}  # an alert has it
