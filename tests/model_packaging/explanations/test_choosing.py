"""The method of explanations follows from inputs and processing steps."""

from typing import Any

import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.explanations.choosing import (
    choose_features,
    choose_method,
    choose_output,
    count_features,
)
from lading.model_packaging.manifest.explaining import ExplainSpec
from lading.model_packaging.manifest.models import ModelSpec

TEXT, FILE = TensorSpec("t", "BYTES", (-1,)), TensorSpec("image", "BYTES", (-1,))
PIXELS, ROWS = TensorSpec("x", "FP32", (-1, 3, 8, 8)), TensorSpec("x", "FP32", (-1, 4))
SERIES = TensorSpec("x", "FP32", (-1, 8, 8))


def spec(**options: Any) -> ModelSpec:
    from pathlib import Path

    return ModelSpec("m", Path("m.onnx"), explain=ExplainSpec(**options))


@pytest.mark.parametrize(
    ("inputs", "steps", "auto", "occlusion"),
    [
        ([ROWS], [], "shapley", None),
        ([TEXT], [], "shapley", "text"),
        ([TEXT], ["tokens"], "text", "text"),
        ([TEXT], ["code", "ngrams"], "text", "text"),
        ([FILE], ["image", "labels"], "image", "image"),
        ([PIXELS], [], "image", "image"),
        ([SERIES], [], "shapley", "image"),
        ([ROWS, TEXT], ["ngrams"], "shapley", None),
    ],
    ids=["rows", "category", "tokens", "ngrams", "file", "pixels", "series", "several"],
)
def test_the_method_follows_from_the_inputs(
    inputs: list[TensorSpec], steps: list[str], auto: str, occlusion: str | None
) -> None:
    named = [{"step": name} for name in steps]
    assert choose_method(spec(), inputs, named) == auto
    assert choose_method(spec(method="shapley"), inputs, named) == "shapley"
    if occlusion is None:
        with pytest.raises(ManifestError, match="occlusion needs one input"):
            choose_method(spec(method="occlusion"), inputs, named)
    else:
        assert choose_method(spec(method="occlusion"), inputs, named) == occlusion


def test_the_output_is_the_first_of_floats_unless_one_is_named() -> None:
    label, scores = TensorSpec("label", "INT64", (-1,)), TensorSpec("scores", "FP32", (-1, 3))
    text = TensorSpec("text", "BYTES", (-1,))
    assert choose_output(spec(), [text, label, scores]) == scores
    assert choose_output(spec(), [text, label]) == label
    assert choose_output(spec(output="label"), [label, scores]) == label
    with pytest.raises(ManifestError, match="the model has text"):
        choose_output(spec(), [text])


def test_named_columns_are_features() -> None:
    features = choose_features(spec(features={"a": (0,), "b": (2, 3)}), [ROWS], 4)
    assert features == (("a", (0,)), ("b", (2, 3)))
    assert count_features(features, 4) == 3
    assert choose_features(spec(), [ROWS], 4) == ()
    with pytest.raises(ManifestError, match="the model has several"):
        choose_features(spec(features={"a": (0,)}), [ROWS, TEXT], 5)
