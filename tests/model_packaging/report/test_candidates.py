from typing import Any

import pytest

from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval, Intervals
from lading.model_packaging.optimizers.candidates import Candidate
from lading.model_packaging.report.candidates import candidates

CHANGE = AccuracyChange(
    *("accuracy", 0.9, 0.7, 0.2, 0.02, 400),
    intervals=Intervals(
        ConfidenceInterval(0.8, 0.95), ConfidenceInterval(0.65, 0.75), ConfidenceInterval(0.1, 0.3)
    ),
)
TRIED = (
    Candidate("int4", "refused", "dropped by 0.2000", 800, CHANGE),
    Candidate("int8", "chosen", "", 1600, CHANGE),
    Candidate("static", "not tried", "it needs quantize.calibration"),
)


def page(*tried: Any) -> str:
    return "".join(candidates({"stages": [{"step": "convert"}, {"step": "quantize", **tried[0]}]}))


def test_each_candidate_has_its_figures_and_the_reason() -> None:
    shown = page({"candidates": [each.to_json() for each in TRIED]})
    assert "<h2>What quantize: auto tried</h2>" in shown
    lines = shown.partition("<tbody>")[2].split("</tr>")[:-1]
    for line, words in zip(
        lines,
        (
            (
                "int4",
                "refused: dropped by 0.2000<",
                "800 bytes",
                "0.7000 (0.6500 to 0.7500)",
                "0.2000 (0.1000 to",
            ),
            ("int8", "chosen<", "1.6 kB"),
            ("static", "not tried: it needs quantize.calibration"),
        ),
        strict=True,
    ):
        for word in words:
            assert f">{word}" in line


def test_without_a_choice_there_is_no_section() -> None:
    assert page({}) == ""
    assert [*candidates({})] == []


def test_damaged_candidates_are_one_clear_error() -> None:
    for damaged in (7, [{"name": "int8"}], [3]):
        with pytest.raises(ValueError, match="damaged"):
            page({"candidates": damaged})


def test_nothing_becomes_markup() -> None:
    hostile = "<script>alert(1)</script>"
    shown = page({"candidates": [{"name": hostile, "outcome": hostile, "reason": hostile}]})
    assert "<script" not in shown
