"""The part of a form about packaging, from documents that nobody vouches for."""

from typing import Any

import pytest

from lading.functions.inference.app.form_report import MOST_CLASSES, describe_report

SPECIFICATION = {"source": {"file": "a.skops"}, "steps": [{"step": "convert", "bytes": 9}]}
PLACEMENT = {
    "target": "sagemaker",
    "why": "it is large",
    "options": [
        {"target": "lambda", "per_million_usd": 1},
        {"target": "sagemaker", "per_million_usd": 541.36},
    ],
}


def a_class(name: str, f1: Any) -> dict[str, Any]:
    return {"name": name, "rows": 3, "precision": None, "recall": 0.5, "f1": f1, "more": "x"}


def test_the_classes_with_the_lowest_f1_are_told_and_no_more() -> None:
    classes = [a_class(str(number), number / 10) for number in (9, 1, 2, 3, 4, 5, 6)]
    told = describe_report(SPECIFICATION, {"by_class": {"classes": classes}})
    assert told is not None
    assert [each["name"] for each in told["classes"]] == ["1", "2", "3", "4", "5"]
    assert len(told["classes"]) == MOST_CLASSES
    assert set(told["classes"][0]) == {"name", "rows", "precision", "recall", "f1"}


def test_the_price_is_that_of_the_chosen_target() -> None:
    told = describe_report(SPECIFICATION, {"placement": PLACEMENT})
    assert told is not None
    assert told["placement"]["per_million_usd"] == 541.36


def test_a_target_without_a_price_is_told_all_the_same() -> None:
    options = [{"target": "container", "per_million_usd": None}]
    placed = {"target": "container", "why": "it runs your code", "options": options}
    told = describe_report(SPECIFICATION, {"placement": placed})
    assert told is not None
    assert told["placement"]["target"] == "container"
    assert told["placement"]["per_million_usd"] is None


@pytest.mark.parametrize(
    "report",
    [
        {"by_class": 3, "placement": []},
        {"by_class": {"classes": [a_class("a", "high")]}, "placement": {**PLACEMENT, "options": 1}},
        {"by_class": {"classes": [7]}, "placement": {**PLACEMENT, "target": "moon"}},
        {"by_class": {"classes": [a_class("a", 10**400)]}, "stages": "many"},
        {"by_class": {"classes": [a_class("a", None)]}, "stages": [7]},
    ],
)
def test_what_cannot_be_read_is_left_out(report: dict[str, Any]) -> None:
    told = describe_report(SPECIFICATION, report)
    assert told == {"source": {"file": "a.skops"}, "stages": SPECIFICATION["steps"]}


def test_a_version_without_documents_has_no_report() -> None:
    assert describe_report({}, {}) is None
