import inspect
import re
from pathlib import Path

from lading.model_packaging import errors, isolated
from lading.model_packaging.errors import (
    FileMissing,
    FrameworkUnknown,
    ManifestError,
    PackagingError,
    Place,
    SourceUntrusted,
    UnknownModel,
    likely,
)
from lading.model_packaging.measure.change import (
    AccuracyChange,
    AccuracyDropped,
    ConfidenceInterval,
    Intervals,
)

PLACE = Place(Path("models.yaml"), 7, "models.digits.quantise")


def test_every_error_is_in_the_tree_and_in_its_drawing() -> None:
    raised = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    assert all(issubclass(each, PackagingError) for each in raised if issubclass(each, Exception))
    assert isolated.__name__.startswith("lading.model_packaging.")  # which imports all that raise
    drawn = set(re.findall(r"\w+", errors.__doc__ or ""))
    waiting: list[type] = [PackagingError]
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        ours = each.__module__.startswith("lading.model_packaging.")
        public = not each.__name__.startswith("_")
        assert each.__name__ in drawn or not (ours and public), each


def test_a_manifest_error_names_file_line_key_and_the_likely_key() -> None:
    error = ManifestError(PLACE, "unknown key", "quantize")
    assert str(error) == (
        "models.yaml:7: models.digits.quantise: unknown key; did you mean 'quantize'?"
    )
    assert (error.file, error.line, error.key) == (Path("models.yaml"), 7, "models.digits.quantise")
    assert error.guess == "quantize"


def test_an_unknown_model_is_met_with_the_likely_one_or_else_with_all() -> None:
    assert "did you mean 'digits'?" in str(UnknownModel(PLACE, "digist", ["digits", "iris"]))
    assert "it has digits, iris" in str(UnknownModel(PLACE, "cars", ["digits", "iris"]))
    assert "it has none" in str(UnknownModel(PLACE, "cars", []))


def test_a_refusal_of_the_gate_says_both_numbers_and_what_to_do() -> None:
    intervals = Intervals(*[ConfidenceInterval(0.0, 1.0)] * 3)
    change = AccuracyChange("accuracy", 0.98, 0.95, 0.03, 0.01, 40, intervals)
    text = str(AccuracyDropped("digits", change))
    for part in ("digits", "0.9800", "0.9500", "0.0300", "0.01", "models.digits.quantize"):
        assert part in text


def test_errors_carry_their_facts() -> None:
    missing = FileMissing(PLACE, Path("a.skops"), "run python train.py")
    assert (missing.path, missing.advice) == (Path("a.skops"), "run python train.py")
    untrusted = SourceUntrusted("digits", Path("a.skops"), ["evil.Type"])
    assert untrusted.contents == ("evil.Type",)
    assert "models.digits.trust: true" in str(untrusted)
    unknown = FrameworkUnknown("digits", Path("a.skops"), "onx", ["onnx (.onnx)"])
    assert (unknown.framework, unknown.known) == ("onx", ("onnx (.onnx)",))
    assert "did you mean 'onnx'?" in str(unknown)


def test_nothing_is_likely_when_nothing_is_close() -> None:
    assert likely("quantise", ["quantize", "source"]) == "quantize"
    assert likely("zzz", ["quantize", "source"]) is None
