"""The section about a training."""

import pytest

from lading.model_packaging.report.training import training

MADE = {
    "entry": "train.py",
    "commit": None,
    "parameters": {"depth": 6},
    "metrics": {"auc": 0.9},
    "seed": 0,
    "code": "sha256:1",
    "data": {"train": "sha256:2"},
    "python": "3.13.1",
    "libraries": {"numpy": "2.0"},
    "seconds": 12.34,
    "started": "2026-11-29T10:00:00Z",
    "processor_seconds": 9.87,
    "machine": {"instance": "ml.m5.xlarge", "gpus": []},
    "energy": {"joules": [20.0, 40.0], "grams_co2e": [1.0, 2.0], "region": "eu-west-1"},
}
STUDENT = {
    "teacher": {"model": "large version 1", "digest": "sha256:3", "bytes": 9},
    "data": {"distill": "sha256:4"},
    "parameters": {"temperature": 3.0},
    "seed": 0,
    "python": "3.13.1",
    "libraries": {"torch": "2.9"},
    "seconds": 5.0,
}


def test_the_section_has_what_made_the_model() -> None:
    page = "".join(training({"training": {**MADE, "search": {"trials": 9}}}))
    for part in (
        "depth 6",
        "auc 0.9",
        ">0<",
        "numpy 2.0",
        "12.3 s, 9.9 s of processors",
        "20 to 40 J, 1 to 2 g CO2e in eu-west-1",
        "instance ml.m5.xlarge",
        ">9<",
    ):
        assert part in page
    assert "gpus" not in page
    assert "commit" not in page


def test_a_students_section_has_its_teacher() -> None:
    page = "".join(training({"training": STUDENT}))
    for part in ("large version 1, sha256:3", "temperature 3.0", "torch 2.9", "5.0 s"):
        assert part in page
    assert "script" not in page


def test_without_a_training_there_is_no_section() -> None:
    assert not [*training({})]


@pytest.mark.parametrize("made", [{}, [], {**MADE, "metrics": 1}], ids=["empty", "list", "number"])
def test_a_damaged_document_is_one_clear_error(made: object) -> None:
    with pytest.raises(ValueError, match="its documents are damaged"):
        [*training({"training": made})]
