from xml.etree import ElementTree as ET

import pytest

from lading.model_packaging.measure.change import ConfidenceInterval
from lading.model_packaging.report.plots import LONGEST_LABEL, Bar, bars, curve, ranges

INTERVAL = ConfidenceInterval(0.25, 0.75)


def drawing(page: str) -> ET.Element:
    inside = page.partition("<svg")[2].rpartition("</svg>")[0]
    return ET.fromstring(f"<svg{inside}</svg>")  # noqa: S314 - our own


def test_places_are_shares_of_the_width_so_letters_keep_their_size_on_a_phone() -> None:
    svg = drawing(bars("Size", [Bar("one", 50, "50 B"), Bar("two", 100, "100 B", 80)]))
    assert "viewBox" not in svg.attrib
    assert [bar.attrib["width"] for bar in svg.iter("rect")] == ["50.00%", "100.00%"]
    assert [line.attrib["x1"] for line in svg.iter("line")] == ["80.00%"]
    dots = drawing(ranges("F1", [("a", 0.25, INTERVAL), ("b", 0.75, INTERVAL)])).iter("circle")
    assert [dot.attrib["cx"] for dot in dots] == ["6.90%", "93.10%"]


def test_one_bar_is_no_plot() -> None:
    assert bars("Size", [Bar("one", 50, "50 B")]) == ""
    assert ranges("F1", [("a", 0.5, INTERVAL)]) == ""
    assert curve("F1", [(0.0, 0.5, 0.25, 0.75)]) == ""


def test_a_label_leaves_room_for_its_number() -> None:
    svg = drawing(bars("Size", [Bar("n" * 500, 1, "1"), Bar("<b>", 2, "2")]))
    long, _, hostile, _ = [text.text or "" for text in svg.iter("text")]
    assert len(long) == LONGEST_LABEL
    assert hostile == "<b>"


def test_a_curve_is_stretched_but_its_texts_are_not() -> None:
    svg = drawing(curve("Mean", [(0.0, 0.5, 0.25, 0.75), (2.0, 0.5, 0.0, 1.0)]))
    inner = svg.find("svg")
    assert inner is not None
    assert inner.attrib["preserveAspectRatio"] == "none"
    assert [each.tag for each in inner] == ["polygon", "polyline"]
    assert inner[1].attrib["points"] == "0.00,50.00 100.00,50.00"
    assert [text.text for text in svg.findall("text")] == ["from 0 to 1", "0", "1", "2"]


@pytest.mark.parametrize("value", [0.0, 1e-12])
def test_bars_of_nothing_are_drawn(value: float) -> None:
    assert len([*drawing(bars("Size", [Bar("a", value, ""), Bar("b", 0.0, "")])).iter("rect")]) == 2
