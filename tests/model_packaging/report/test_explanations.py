"""The page's part about features: importances, curves and categories."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lading.model_packaging.report.explanations import explanations

IMPORTANCE = {"feature": "age", "drop": 0.2, "low": 0.1, "high": 0.3}
OTHER = {**IMPORTANCE, "feature": "plan"}
CURVE = {"feature": "age", "output": "y", "target": 1, "points": [[1, 0.2, 0.1, 0.3], [2, 5, 4, 6]]}
CATEGORIES = {**CURVE, "feature": "plan", "points": [["<basic>", 0.2, 0.1, 0.3], ["b", 1, 0, 2]]}


def page(**section: Any) -> str:
    return "".join(explanations({"explanations": section}, "accuracy"))


def drawings(html: str) -> list[ET.Element]:
    figures = [part.partition("</figure>")[0] for part in html.split("</figcaption>")[1:]]
    return [ET.fromstring(each) for each in figures]  # noqa: S314 - our own


def test_importances_are_drawn_with_their_intervals() -> None:
    (plot,) = drawings(page(importances=[IMPORTANCE, OTHER]))
    assert plot.get("aria-label") == "Drop of accuracy with 95 % confidence interval"
    assert [text.text for text in plot.iter("text")][:2] == ["age", "0.2000"]


def test_numbers_have_a_curve_and_categories_a_row_each() -> None:
    html = page(importances=[IMPORTANCE, OTHER], dependence=[CURVE, CATEGORIES])
    _, curve, categories = drawings(html)
    polygon, line = (next(curve.iter(tag)) for tag in ("polygon", "polyline"))
    assert [len(str(each.get("points")).split()) for each in (polygon, line)] == [4, 2]
    assert next(categories.iter("text")).text == "<basic>"
    assert "<basic>" not in html


def test_one_importance_and_a_feature_of_one_value_need_no_plot() -> None:
    flat = {**CURVE, "points": [[1, 0.2, 0.2, 0.2]]}
    html = page(importances=[IMPORTANCE], dependence=[flat])
    assert not drawings(html)
    assert "0.2000 (0.1000 to 0.3000)" in html


@pytest.mark.parametrize("report", [{}, {"explanations": {}}, {"explanations": None}])
def test_a_model_without_importances_has_no_such_part(report: Any) -> None:
    assert not [*explanations(report, "")]


def test_another_report_is_refused() -> None:
    with pytest.raises(ValueError, match="explanations cannot be read"):
        page(importances=[{}])
