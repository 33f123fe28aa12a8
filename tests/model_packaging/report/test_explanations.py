"""The page's part about features: importances, curves and categories."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lading.model_packaging.report.explanations import explanations

IMPORTANCE = {"feature": "age", "drop": 0.2, "low": 0.1, "high": 0.3}
CURVE = {"feature": "age", "output": "y", "target": 1, "points": [[1, 0.2, 0.1, 0.3], [2, 5, 4, 6]]}
CATEGORIES = {**CURVE, "feature": "plan", "points": [["<basic>", 0.2, 0.1, 0.3]]}


def page(**section: Any) -> str:
    return "".join(explanations({"explanations": section}, "accuracy"))


def drawings(html: str) -> list[ET.Element]:
    inside = [part.partition("</svg>")[0] for part in html.split("<svg")[1:]]
    return [ET.fromstring(f"<svg{each}</svg>") for each in inside]  # noqa: S314 - our own


def test_importances_are_drawn_with_their_intervals() -> None:
    (plot,) = drawings(page(importances=[IMPORTANCE]))
    assert plot.get("aria-label") == "Drop of accuracy with 95 % confidence interval"
    assert [text.text for text in plot.iter("text")][:2] == ["age", "0.2000"]


def test_numbers_have_a_curve_and_categories_a_row_each() -> None:
    html = page(importances=[IMPORTANCE], dependence=[CURVE, CATEGORIES])
    _, curve, categories = drawings(html)
    assert len(str(curve.find("polyline").get("points")).split()) == 2  # type: ignore[union-attr]
    assert len(str(curve.find("polygon").get("points")).split()) == 4  # type: ignore[union-attr]
    assert next(categories.iter("text")).text == "<basic>"
    assert "<basic>" not in html


def test_a_feature_of_one_value_has_a_curve() -> None:
    flat = {**CURVE, "points": [[1, 0.2, 0.2, 0.2]]}
    assert len(drawings(page(importances=[IMPORTANCE], dependence=[flat]))) == 2


@pytest.mark.parametrize("report", [{}, {"explanations": {}}, {"explanations": None}])
def test_a_model_without_importances_has_no_such_part(report: Any) -> None:
    assert not [*explanations(report, "")]


def test_another_report_is_refused() -> None:
    with pytest.raises(ValueError, match="explanations cannot be read"):
        page(importances=[{}])
