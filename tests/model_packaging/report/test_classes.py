from typing import Any

import numpy as np
import pytest

from lading.model_packaging.measure.by_class import by_class
from lading.model_packaging.measure.metrics import METRICS
from lading.model_packaging.report.classes import MOST_OF_MATRIX, MOST_ROWS, classes
from tests.model_packaging.report.test_page import Tags

HOSTILE = "<img src=x onerror=alert(1)>\"'"


def section(count: int, right: float = 0.7) -> dict[str, Any]:
    """The section `by_class` of a classifier that answers this share of its rows right."""
    random = np.random.default_rng(0)
    truth = np.arange(count * 20) % count
    other = random.integers(0, count, len(truth))
    answer = np.where(random.random(len(truth)) < right, truth, other)
    names = np.array([HOSTILE, *(f"class {number}" for number in range(1, count))])
    found = by_class(METRICS["accuracy"], names[truth], (names[truth], names[answer]))
    assert found is not None
    return found.to_json()


def page(document: dict[str, Any]) -> str:
    return "".join(classes({"by_class": document}))


def test_the_lowest_f1_comes_first() -> None:
    document = section(4)
    worst = min(document["classes"], key=lambda each: each["f1"])
    first = page(document).partition("<tbody><tr>")[2].partition("</tr>")[0]
    assert f">{worst['f1']:.3f}<" in first
    assert f">{worst['rows']}<" in first


def test_the_original_is_shown_where_a_class_lost_something() -> None:
    document = section(3)
    assert "F1 of the original" in page(document)
    same = [{**each, "f1_original": each["f1"]} for each in document["classes"]]
    assert "F1 of the original" not in page({**document, "classes": same})


def test_a_matrix_has_a_line_for_each_true_class_and_marks_mistakes() -> None:
    document = section(3)
    shown = page(document)
    cells = shown.partition('aria-label="Confusion matrix"')[2].partition("</div>")[0]
    for at, line in enumerate(document["confusion"]):
        assert f'<td class="number right">{line[at]}</td>' in cells
    assert 'class="number wrong"' in cells or 'class="number much"' in cells
    assert "Most frequent mistakes" in shown


def test_many_classes_are_behind_a_click_and_have_no_matrix() -> None:
    shown = page(section(200))
    assert f"<details><summary>{200 - MOST_ROWS} more classes</summary>" in shown
    assert "Confusion matrix" not in shown
    assert "Most frequent mistakes" in shown
    assert "Confusion matrix" in page(section(MOST_OF_MATRIX))


def test_a_label_is_text_wherever_it_stands() -> None:
    shown = page(section(2, right=0.2))
    Tags(shown)
    assert "<img" not in shown
    assert shown.count("&lt;img src=x") >= 4


def test_a_model_without_classes_has_no_section() -> None:
    assert [*classes({})] == []


@pytest.mark.parametrize("damaged", [7, {"classes": 3}, {"classes": [{"name": 1}], "left_out": 0}])
def test_damaged_figures_are_one_clear_error(damaged: Any) -> None:
    with pytest.raises(ValueError, match="damaged"):
        [*classes({"by_class": damaged})]
