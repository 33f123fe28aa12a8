from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.conversion import Conversion, Processing, as_bytes, tool_versions
from lading.model_packaging.errors import ConversionMismatch, LibraryMissing
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.labels import label_options
from tests.model_packaging.comparison import check_conversion

SCORES = np.linspace(-3, 3, 400, dtype=np.float32).reshape(200, 2)


def answers(**outputs: Array) -> Model:
    return lambda _: outputs


def compare(original: Model, converted: Model) -> int:
    return check_conversion("digits", [{"x": SCORES}, {"x": SCORES}], original, converted)


def changed(change: Callable[[Array], Array]) -> Model:
    return answers(scores=change(SCORES.copy()), label=np.zeros(200, np.int64))


def test_equal_answers_pass_and_rows_are_counted() -> None:
    same = changed(lambda scores: scores)
    assert compare(same, same) == 400


def test_differences_within_the_tolerance_pass() -> None:
    compare(changed(lambda scores: scores), changed(lambda scores: scores * np.float32(1.0005)))


def test_a_single_row_that_differs_is_a_mismatch() -> None:
    def change(scores: Array) -> Array:
        scores[:1] += 1
        return scores

    with pytest.raises(ConversionMismatch, match=r"'scores' differs in 1 of 200 rows"):
        compare(changed(lambda scores: scores), changed(change))


@pytest.mark.parametrize(
    ("converted", "text"),
    [
        (answers(label=np.ones(200, np.int64), scores=SCORES), "'label' differs in 200 of 200"),
        (answers(label=np.zeros(200, np.int64)), "'scores' is not in the converted model"),
        (answers(scores=SCORES.astype(np.float64)), "'scores' has dtype float64, the original fl"),
        (answers(scores=SCORES[:, :1]), r"'scores' has shape \(200, 1\), the original \(200, 2\)"),
        (answers(scores=SCORES * np.float32(np.nan)), "'scores' differs in 200 of 200"),
    ],
)
def test_a_mismatch_names_the_output_and_publishes_nothing(converted: Model, text: str) -> None:
    original = answers(scores=SCORES)
    if "label" in converted({}):
        original = answers(label=np.zeros(200, np.int64), scores=SCORES)
    with pytest.raises(ConversionMismatch, match=text) as caught:
        compare(original, converted)
    assert caught.value.output in ("label", "scores")
    assert "nothing published" in str(caught.value)


def test_an_output_that_only_the_converted_model_has_is_a_mismatch() -> None:
    with pytest.raises(ConversionMismatch, match="'extra' is not in the original model"):
        compare(answers(scores=SCORES), answers(scores=SCORES, extra=SCORES))


def test_texts_are_compared_as_bytes() -> None:
    texts = as_bytes(np.array([["a", "é"]]))
    assert texts.shape == (1, 2)
    assert texts.tolist() == [[b"a", "é".encode()]]
    compare(answers(label=texts), answers(label=texts))
    with pytest.raises(ConversionMismatch, match="'label' differs in 1 of 1"):
        compare(answers(label=texts), answers(label=as_bytes(np.array([["a", "e"]]))))


def test_versions_of_libraries_are_told_and_a_missing_one_says_how_to_install_it() -> None:
    spec = ModelSpec("digits", Path("model.pt2"))
    assert tool_versions(spec, "demo", "onnx", "numpy-cpu|numpy") == {
        "onnx": version("onnx"),
        "numpy-cpu": version("numpy"),
    }
    with pytest.raises(
        LibraryMissing,
        match=r"model 'digits' needs no-torch, .* `make pytorch`, or pip install 'lading",
    ) as e:
        tool_versions(spec, "pytorch", "onnx", "no-torch|no-torch-cpu")
    assert e.value.extra == "pytorch"


@pytest.mark.parametrize(
    ("labels", "shape", "named"),
    [
        (("cat", "dog"), (-1, 2), {"scores": ("cat", "dog")}),
        (("cat", "cat"), (-1, 2), {}),  # a table cannot have two columns of one name
        (("cat", "dog"), (-1, -1, 2), {}),  # of each token
    ],
)
def test_columns_have_the_labels_of_a_step(
    labels: tuple[str, ...], shape: tuple[int, ...], named: dict[str, tuple[str, ...]]
) -> None:
    steps = ({"step": "text", "input": "text"}, label_options("scores", labels, 1))
    processing = Processing(steps, {}, (), (TensorSpec("scores", "FP32", shape),))
    assert Conversion(b"", answers(), processing=processing).named == named


def test_columns_without_a_step_have_the_names_of_the_classes() -> None:
    assert Conversion(b"", answers(), classes={"p": ("a", "b")}).named == {"p": ("a", "b")}
