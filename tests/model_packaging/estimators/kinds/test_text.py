import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lading.model_packaging.errors import ConversionError
from tests.model_packaging.estimators.packaging import converted, served, texts

pd = pytest.importorskip("pandas")

TEXTS = [
    "red chair", "blue Table", "green-chair", "big red table!", "café table", "chair's leg",
    "a B table", "x", "red, red table", "TABLE chair", "Straße über", "İstanbul ñandú",
    "日本語 テスト", "naïve façade",
] * 8  # fmt: skip
TARGET = np.arange(len(TEXTS)) % 3


@pytest.mark.parametrize(
    "steps",
    [
        [TfidfVectorizer()],
        [TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, norm="l1")],
        [TfidfVectorizer(use_idf=False, norm=None, stop_words="english")],
        [TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), strip_accents="unicode")],
        [CountVectorizer(binary=True, lowercase=False), TfidfTransformer(smooth_idf=False)],
        [make_union(TfidfVectorizer(), CountVectorizer(analyzer="char"))],
        [TfidfVectorizer(), TruncatedSVD(5, random_state=0)],
    ],
    ids=str,
)
def test_a_model_of_texts_answers_as_the_original_does(tmp_path: Path, steps: list[Any]) -> None:
    model = make_pipeline(*steps, LogisticRegression(max_iter=500)).fit(TEXTS, TARGET)
    conversion = converted(tmp_path, model)
    asked = ["Big RED", "", "unknown", *TEXTS[:14]]
    found = served(conversion).run({"text": texts(*asked)})
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(asked), 1e-4, 1e-6)


def test_texts_stand_beside_other_columns(tmp_path: Path) -> None:
    columns = {"text": TEXTS, "kind": ["u", "v"] * 56, "size": np.arange(112.0)}
    frame = pd.DataFrame(columns).astype({"text": object, "kind": object})
    parts = ColumnTransformer(
        [("t", TfidfVectorizer(), "text"), ("k", OneHotEncoder(handle_unknown="ignore"), ["kind"])],
        remainder=StandardScaler(),
    )
    model = make_pipeline(parts, RandomForestClassifier(5, random_state=0)).fit(frame, TARGET)
    converted(tmp_path, model, size="FP32", kind="BYTES", text="BYTES")


def test_the_input_of_texts_may_have_another_name(tmp_path: Path) -> None:
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, TARGET)
    conversion = converted(tmp_path, model, **{"input-0": "BYTES"})
    assert [spec.name for spec in served(conversion).inputs] == ["input-0"]


@pytest.mark.parametrize(
    ("vectorizer", "text"),
    [
        (CountVectorizer(tokenizer=str.split, token_pattern=None), "a custom tokenizer"),
        (CountVectorizer(preprocessor=str.strip), "a custom preprocessor"),
        (CountVectorizer(analyzer=str.split), "a custom analyzer"),
        (HashingVectorizer(n_features=64), "has a HashingVectorizer, which is not supported"),
    ],
)
def test_what_a_vectorizer_calls_is_refused_by_name(
    tmp_path: Path, vectorizer: Any, text: str
) -> None:
    model = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, TARGET)
    with pytest.raises(ConversionError, match=text):
        converted(tmp_path, model)


def test_the_graph_needs_no_locale(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, TARGET)
    path = tmp_path / "model.onnx"
    path.write_bytes(converted(tmp_path, model).onnx)
    code = f"from onnxruntime import InferenceSession as S; S({str(path)!r}); print('loaded')"
    environment = {"LC_ALL": "POSIX", "ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "loaded\n"
