import numpy as np
import pytest

from lading.api.answers import Answer
from lading.functions.inference.models.predictor import ModelMetadata

SIGNED = ModelMetadata("churn<b>", 3, "onnx", (), ())
OUTPUTS = {
    "label": np.array([b"yes", b"no"], np.object_),
    "probabilities": np.array([[0.25, 0.75], [1.0, 0.0]], np.float32),
}
ANSWER = Answer.of(SIGNED, OUTPUTS, {"probabilities": ["no", "<yes>"]})


def test_it_is_a_mapping_of_arrays_whose_texts_are_str() -> None:
    assert list(ANSWER) == ["label", "probabilities"]
    assert ANSWER["label"].tolist() == ["yes", "no"]
    assert ANSWER["probabilities"].dtype == np.float32


def test_bytes_that_are_not_text_stay_bytes() -> None:
    raw = np.array([b"\xff"], np.object_)
    assert Answer.of(SIGNED, {"image": raw}, {})["image"].tolist() == [b"\xff"]


def test_scores_of_named_classes_have_a_column_for_each() -> None:
    expected = {
        "label": ["yes", "no"],
        "probabilities: no": [0.25, 1.0],
        "probabilities: <yes>": [0.75, 0.0],
    }
    assert ANSWER.columns() == expected


def test_without_names_an_output_is_one_column_and_a_scalar_one_row() -> None:
    plain = Answer("m", 1, {"y": np.array([[1.0, 2.0]]), "n": np.array(7)})
    assert plain.columns() == {"y": [[1.0, 2.0]], "n": [7]}


def test_it_becomes_a_data_frame() -> None:
    pytest.importorskip("pandas")
    assert ANSWER.to_frame()["probabilities: no"].tolist() == [0.25, 1.0]


def test_a_notebook_shows_a_table_with_every_name_escaped() -> None:
    shown = ANSWER._repr_html_()
    assert "churn&lt;b&gt; version 3" in shown
    assert "<th>probabilities: &lt;yes&gt;</th>" in shown
    assert "<td>yes</td><td>0.25</td><td>0.75</td>" in shown


def test_a_notebook_shows_the_first_rows_of_many() -> None:
    shown = Answer("m", 1, {"y": np.arange(12.0)})._repr_html_()
    assert (shown.count("<td>"), "and 2 more rows" in shown) == (10, True)
