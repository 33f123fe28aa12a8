"""The codes of errors are unique, and none is lost: scripts compare them."""

from pathlib import Path

from lading.api.error_codes import code_of
from website.error_classes import ROOTS, describe, error_classes

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).with_name("recorded_error_codes.txt")
CLASSES = error_classes(ROOT / "lading")


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [code_of(kind) for kind in CLASSES]
    assert len(codes) == len(set(codes))
    assert {"nothing-locked", "s3-refused", "model-not-found", "settings-error"} <= set(codes)


def test_the_recorded_codes_are_those_of_the_classes() -> None:
    """A code that is gone breaks scripts: keep the class's name. A new one gets a line here."""
    assert [code_of(kind) for kind in CLASSES] == RECORDED.read_text().splitlines()


def test_every_error_says_what_it_means_and_what_to_do() -> None:
    described = [describe(kind) for kind in CLASSES if kind not in ROOTS]
    assert [each.code for each in described if not each.remedy or not each.meaning] == []
