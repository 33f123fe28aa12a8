"""Boosted models that are not converted answer as their library's own call does, on every row."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import DTYPES, Array
from lading.model_packaging.check.answers import Answers
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.errors import ConversionError, ConversionMismatch, SourceUnreadable
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.registry import find_native
from lading.model_packaging.quiet import quiet
from tests.model_packaging.native.boosters import BOOSTERS, make
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost", "lightgbm")

Kept = tuple[ModelSpec, Conversion]

OUTPUTS = {
    "early_stopped": {"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 3))},
    "softmax": {"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 3))},
    "labels": {"label": ("INT64", (-1, 2)), "probabilities": ("FP32", (-1, 2))},
    "linear": {"prediction": ("FP32", (-1, 1))},
    "two_classes": {"label": ("INT64", (-1,)), "probabilities": ("FP64", (-1, 2))},
    "linear_trees": {"prediction": ("FP64", (-1, 1))},
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kept]:
    """Each kind of booster: its entry of the manifest, and what packaging keeps of it."""
    folder = tmp_path_factory.mktemp("boosters")
    found = {}
    for kind in BOOSTERS:
        spec = ModelSpec(kind, make(kind, folder), engine=EngineSpec("native"))
        found[kind] = spec, find_native(kind, spec.source).convert(spec)
    return found


def own_call(kind: str, source: Path, rows: Array) -> Array:
    """The numbers of the library's own call, as its documentation writes it."""
    import lightgbm
    import xgboost

    if source.suffix == ".txt":
        return np.asarray(lightgbm.Booster(model_file=source).predict(rows))
    if kind == "linear":
        regressor = xgboost.XGBRegressor()
        regressor.load_model(source)
        return np.asarray(regressor.predict(rows))
    if kind == "softmax":
        booster = xgboost.Booster(model_file=source)
        return np.asarray(booster.predict(xgboost.DMatrix(rows, feature_names=list("abcd"))))
    classifier = xgboost.XGBClassifier()
    classifier.load_model(source)
    return np.asarray(classifier.predict_proba(rows))


@pytest.mark.parametrize("kind", BOOSTERS)
def test_the_signature_is_that_of_a_conversion(kept: dict[str, Kept], kind: str) -> None:
    native = kept[kind][1].native
    assert native is not None
    assert {spec.name: (spec.datatype, spec.shape) for spec in native.outputs} == OUTPUTS[kind]
    assert [spec.name for spec in native.inputs] == ["X"]


@pytest.mark.parametrize("kind", BOOSTERS)
def test_the_file_is_kept_as_it_is(kept: dict[str, Kept], kind: str) -> None:
    spec, conversion = kept[kind]
    assert conversion.onnx == spec.source.read_bytes()


@pytest.mark.parametrize("kind", BOOSTERS)
def test_it_answers_bit_for_bit_as_the_librarys_own_call(kept: dict[str, Kept], kind: str) -> None:
    spec, conversion = kept[kind]
    served = open_served(kind, conversion, conversion.onnx)
    [tensor] = served.inputs
    rows = np.random.default_rng(1).normal(size=(200, tensor.shape[1]))
    rows[::7, 0], rows[3] = np.nan, np.nan
    rows = rows.astype(DTYPES[tensor.datatype])
    with quiet():
        wanted = own_call(kind, spec.source, rows)
    answers = served.run({"X": rows})
    if kind == "softmax":
        assert answers["label"].tolist() == wanted.tolist()
    elif kind == "two_classes":
        assert np.array_equal(answers["probabilities"][:, 1], wanted)
    else:
        numbers = answers.get("probabilities", answers.get("prediction"))
        assert numbers is not None
        assert np.array_equal(numbers.reshape(wanted.shape), wanted)


@pytest.mark.parametrize("kind", BOOSTERS)
def test_the_check_compares_it_with_the_original_in_a_process_of_its_own(
    kept: dict[str, Kept], kind: str
) -> None:
    checked, rows = check(*kept[kind])
    kinds = set(checked.evidence.rows())
    assert rows > 50
    assert any("missing" in each or "NaN" in each for each in kinds), kinds
    assert "infinite values" in kinds
    if kind not in ("linear", "linear_trees"):  # their leaves are not read
        assert {"at a split", "one step below a split"} <= kinds


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("early_stopped", {"rounds": 0}),
        ("early_stopped", {"rounds": 1}),
        ("softmax", {"objective": "binary:logistic"}),
        ("two_classes", {"answers": "labels"}),
    ],
)
def test_the_check_hears_a_model_that_is_run_otherwise(
    kept: dict[str, Kept], kind: str, options: dict[str, Any]
) -> None:
    spec, conversion = kept[kind]
    assert conversion.native is not None
    other = conversion.native._replace(options={**conversion.native.options, **options})
    wrong = replace(conversion, native=other)
    with pytest.raises(ConversionMismatch):
        check(spec, replace(wrong, open=wrong.opener, answers=lambda _, __: Answers()))


def test_infinite_values_are_refused_where_the_original_refuses_them(kept: dict[str, Kept]) -> None:
    refused = {kind for kind in BOOSTERS if kept[kind][1].domains}
    assert refused == {"softmax", "linear"}


def test_what_has_no_onnx_form_is_told_that_native_serves_it(kept: dict[str, Kept]) -> None:
    from lading.model_packaging.converters.registry import find_converter

    spec = replace(kept["linear_trees"][0], engine=None)
    with pytest.raises(ConversionError, match=r"linear_tree is not supported.*engine: native"):
        find_converter(spec.name, spec.source).convert(spec)


def test_a_damaged_tree_is_refused_before_the_library_follows_it(
    kept: dict[str, Kept], tmp_path: Path
) -> None:
    text = kept["early_stopped"][0].source.read_text(encoding="utf-8")
    assert '"left_children":[1,' in text
    damaged = tmp_path / "damaged.json"
    damaged.write_text(text.replace('"left_children":[1,', '"left_children":[9999,', 1))
    spec = ModelSpec("damaged", damaged, engine=EngineSpec("native"))
    with pytest.raises(SourceUnreadable):
        find_native(spec.name, spec.source).convert(spec)


def test_damaged_trees_with_linear_leaves_are_refused_too(
    kept: dict[str, Kept], tmp_path: Path
) -> None:
    """They have no ONNX form, but LightGBM would follow them without an end."""
    text = kept["linear_trees"][0].source.read_text(encoding="utf-8")
    assert "\nleft_child=1 " in text
    damaged = tmp_path / "damaged.txt"
    damaged.write_text(text.replace("\nleft_child=1 ", "\nleft_child=0 ", 1), encoding="utf-8")
    spec = ModelSpec("damaged", damaged, engine=EngineSpec("native"))
    with pytest.raises(SourceUnreadable):
        find_native(spec.name, spec.source).convert(spec)


def test_a_linear_booster_with_too_few_weights_is_refused(
    kept: dict[str, Kept], tmp_path: Path
) -> None:
    """XGBoost would read beyond their end."""
    import xgboost

    whole = xgboost.Booster(model_file=kept["linear"][0].source)
    document = json.loads(whole.save_raw("json"))
    del document["learner"]["gradient_booster"]["model"]["weights"][2:]
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps(document), encoding="utf-8")
    spec = ModelSpec("damaged", damaged, engine=EngineSpec("native"))
    with pytest.raises(SourceUnreadable, match="2 weights for 10 columns"):
        find_native(spec.name, spec.source).convert(spec)
