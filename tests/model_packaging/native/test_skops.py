"""Estimators in .skops files that are not converted answer as their own public calls do."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import GOLDEN
from lading.functions.inference.native.runtimes import open_native
from lading.functions.inference.tensors.conversion import Array, from_json
from lading.model_packaging.check.answers import Answers
from lading.model_packaging.check.limits import limited
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.errors import (
    ConversionError,
    ConversionMismatch,
    FrameworkUnknown,
    PackagingError,
    RoundingMismatch,
    SourceUnreadable,
    SourceUntrusted,
)
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.registry import find_native
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.native.estimators import SPLINES, TRUST, columns, frame, saved, spline


def sent(rows: pd.DataFrame) -> dict[str, Array]:
    """The rows as callers send them: a missing text is empty."""
    found: dict[str, Array] = {}
    for name in rows:
        values = rows[name]
        if not pd.api.types.is_numeric_dtype(values):
            texts = np.empty(len(values), np.object_)
            texts[:] = [b"" if pd.isna(each) else str(each).encode() for each in values]
            found[name] = texts
        else:
            found[name] = values.to_numpy(np.float64)
    return found


def kept_of(spec: ModelSpec) -> Conversion:
    return limited(spec.name, find_native(spec.name, spec.source).convert(spec))


def spec_of(source: Path, trust: Any = ()) -> ModelSpec:
    return ModelSpec("m", source, engine=EngineSpec("native"), trust=trust)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    return spec_of(saved(columns(), tmp_path_factory.mktemp("mixed")), TRUST)


@pytest.fixture(scope="module")
def kept(mixed: ModelSpec) -> Conversion:
    return kept_of(mixed)


def test_the_converter_names_the_column_and_the_way_out(mixed: ModelSpec) -> None:
    with pytest.raises(ConversionError, match=r"SplineTransformer.*'age', 'visits'.*engine: nat"):
        CONVERTER.convert(mixed)
    error = RoundingMismatch("m", "label", "differs", ["age"])
    assert re.search(r"rounded: age; .*engine: native for a \.skops file", str(error))


def test_the_artifact_says_what_to_call_and_to_feed(kept: Conversion) -> None:
    native = kept.native
    assert native is not None
    assert (native.runtime, native.file) == ("skops", "model.skops")
    assert native.options["trusted"] == sorted(TRUST)
    assert native.options["calls"] == {
        "label": ["predict", None],
        "probabilities": ["predict_proba", None],
    }
    assert native.options["names"] == ["city", "plan", "age", "visits"]
    assert [(it.name, it.datatype, it.shape) for it in native.inputs] == [
        ("city", "BYTES", (-1,)),
        ("plan", "BYTES", (-1,)),
        ("age", "FP64", (-1,)),
        ("visits", "FP64", (-1,)),
    ]
    assert [(it.name, it.datatype, it.shape) for it in native.outputs] == [
        ("label", "BYTES", (-1,)),
        ("probabilities", "FP64", (-1, 2)),
    ]
    assert kept.classes["probabilities"] == ("leaves", "stays")


def test_mixed_columns_answer_bit_for_bit_as_the_pipeline(kept: Conversion) -> None:
    rows, pipeline = frame(), columns()
    answers = open_served("m", kept, kept.onnx).run(sent(rows))
    assert np.array_equal(answers["probabilities"], pipeline.predict_proba(rows))
    assert [each.decode() for each in answers["label"]] == pipeline.predict(rows).tolist()
    unknown = rows.assign(city="Bregenz", plan="none")
    found = open_served("m", kept, kept.onnx).run(sent(unknown))
    assert np.array_equal(found["probabilities"], pipeline.predict_proba(unknown))


def test_an_answer_that_depends_on_float64_stays_as_it_is(tmp_path: Path) -> None:
    estimator = spline()
    kept = kept_of(spec_of(saved(estimator, tmp_path), SPLINES))
    rows = 1e9 + np.random.default_rng(5).uniform(0, 1, (50, 2))
    wanted = estimator.predict(rows)
    rounded = estimator.predict(rows.astype(np.float32).astype(np.float64))
    assert not np.allclose(wanted, rounded, atol=0.1)
    answers = open_served("m", kept, kept.onnx).run({"X": rows})
    assert np.array_equal(answers["prediction"], wanted[:, np.newaxis])


@pytest.mark.parametrize("kind", ["several labels", "several outputs", "texts", "clusters"])
def test_every_kind_of_answer_is_that_of_the_converter(kind: str, tmp_path: Path) -> None:
    estimator, rows, names = KINDS[kind]()
    spec = spec_of(saved(estimator, tmp_path), True)
    native, converted = kept_of(spec), CONVERTER.convert(replace(spec, engine=None))
    assert native.native is not None
    with_onnx = open_served("m", converted, converted.onnx)
    assert [it.name for it in native.native.outputs] == names
    own, other = open_served("m", native, native.onnx).run(rows), with_onnx.run(rows)
    assert own.keys() == other.keys()
    for name, array in own.items():
        assert array.shape == other[name].shape
        if array.dtype.kind == "f":
            assert np.allclose(array, other[name], atol=1e-5)
        else:
            assert array.dtype == other[name].dtype
            assert array.tolist() == other[name].tolist()


def _several(rows: Array) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    wanted = np.stack([rows[:, 0] > 0, rows[:, 1] > 0], axis=1).astype(int)
    return RandomForestClassifier(3, n_jobs=2, random_state=0).fit(rows, wanted)


def _matrix(make: Any, *names: str) -> Any:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    return make(rows), {"X": rows}, list(names)


def _linear(rows: Array) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge().fit(rows, rows[:, :2])


def _clusters(rows: Array) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(2, n_init=1, random_state=0).fit(rows)


def _texts() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    texts = ["a good day", "a bad day", "good news", "bad news"]
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    rows = np.array([each.encode() for each in texts], np.object_)
    return pipeline, {"text": rows}, ["label", "probabilities"]


KINDS: dict[str, Callable[[], Any]] = {
    "several labels": lambda: _matrix(_several, "label", "probabilities_0", "probabilities_1"),
    "several outputs": lambda: _matrix(_linear, "prediction"),
    "texts": _texts,
    "clusters": lambda: _matrix(_clusters, "label"),
}
"""Kind of answer -> an estimator of it, rows as callers send them, and its outputs."""


def test_the_check_compares_it_with_the_original(mixed: ModelSpec, kept: Conversion) -> None:
    checked, rows = check(mixed, kept)
    assert rows > 20
    assert checked.evidence.answered


def test_the_check_hears_other_names_of_columns(mixed: ModelSpec, kept: Conversion) -> None:
    native = kept.native
    assert native is not None
    options = {**native.options, "columns": [["city", 0], ["plan", 0], ["visits", 0], ["age", 0]]}
    other = open_other(kept, native._replace(options=options))
    with pytest.raises(ConversionMismatch):
        check(mixed, other)


def open_other(kept: Conversion, section: Any) -> Conversion:
    from functools import partial

    from lading.functions.inference.native.runtimes import load

    return replace(
        kept, native=section, open=partial(load, section), answers=lambda _, __: Answers()
    )


def test_arrays_without_rows_and_infinite_numbers_are_refused(kept: Conversion) -> None:
    served, rows = open_served("m", kept, kept.onnx), sent(frame())
    with pytest.raises(InvalidInput, match="arrays without elements"):
        served.run({name: array[:0] for name, array in rows.items()})
    with pytest.raises(InvalidInput, match="age"):
        served.run({**rows, "age": np.full(len(rows["age"]), np.inf)})


def test_a_type_that_nobody_trusts_is_named(mixed: ModelSpec) -> None:
    with pytest.raises(SourceUntrusted, match=re.escape(SPLINES[2])):
        kept_of(replace(mixed, trust=()))


def test_a_function_is_refused_though_the_manifest_trusts_it(tmp_path: Path) -> None:
    step = FunctionTransformer(np.nan_to_num).fit([[1.0]])
    spec = spec_of(saved(step, tmp_path), True)
    with pytest.raises(ConversionError, match=r"numpy.*nan_to_num' is not a class.*engine: pyth"):
        kept_of(spec)


def test_a_pickle_is_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "model.joblib"
    source.write_bytes(b"pickle")
    with pytest.raises(FrameworkUnknown):
        find_native("m", source)
    named = replace(spec_of(source, True), framework="scikit-learn")
    with pytest.raises(SourceUnreadable, match=r"may be a pickle.*skops\.io\.dump"):
        find_native("m", source, "scikit-learn").convert(named)


def test_a_damaged_file_is_an_error_of_packaging(mixed: ModelSpec, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.skops"
    damaged.write_bytes(mixed.source.read_bytes()[:900])
    with pytest.raises(PackagingError, match="damaged"):
        kept_of(spec_of(damaged))


def test_the_service_answers_its_golden_requests(mixed: ModelSpec, tmp_path: Path) -> None:
    packaged = package(mixed, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    place = Path(packaged.location)
    artifact = read_artifact(place, packaged.digest)
    assert artifact.model == mixed.source.read_bytes()
    predictor = open_native(artifact, 1)
    assert predictor.metadata.platform == "skops_skops"
    golden = json.loads((place / GOLDEN).read_bytes())
    assert golden["requests"]
    for entry in golden["requests"]:
        inputs = {
            it["name"]: from_json(it["data"], it["name"], it["datatype"]).reshape(it["shape"])
            for it in entry["inputs"]
        }
        answers = predictor.predict(inputs)
        for wanted in entry["outputs"]:
            said = from_json(wanted["data"], wanted["name"], wanted["datatype"])
            assert np.array_equal(answers[wanted["name"]].ravel(), said)
