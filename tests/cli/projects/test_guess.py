from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.cli.projects.guess import (
    GivenRows,
    find_truth,
    guess,
    guess_address,
    guess_name,
    missing_column,
)
from lading.model_packaging.inspected import Inspected
from lading.model_packaging.remote.kind import SourceUnfetched
from lading.model_packaging.tables.table import Cells, Table

CHURN = Inspected("scikit-learn", {"age": "FP32", "city": "BYTES", "new": "BOOL"}, 3, "labels")
LINES = [2, 3]
ROWS: Table = {
    "age": Cells(["42", ""], LINES),
    "city": Cells(["", "Oslo"], LINES),
    "new": Cells(["True", "False"], LINES),
    "left": Cells(["yes", "no"], LINES),
}


def nobody(_question: str, _options: Sequence[str]) -> str:
    return ""


def test_an_entry_states_inputs_truth_and_metric() -> None:
    found = guess("churn", "m.joblib", CHURN, GivenRows("rows.csv", ROWS), nobody, trust=True)
    assert found.model.entry == {
        "source": "m.joblib",
        "trust": True,
        "inputs": {
            "age": {"shape": ["batch"]},
            "city": {"shape": ["batch"], "datatype": "BYTES"},
            "new": {"shape": ["batch"], "datatype": "BOOL"},
        },
        "quantize": "auto",
        "accuracy": {"data": "rows.csv", "truth": "left", "metric": "accuracy", "max_drop": 0.01},
    }
    assert found.model.request == {"inputs": [{"age": 42, "city": None, "new": True}]}
    assert found.said["inputs"] == "age (number), city (text), new (true or false)"


def test_many_columns_are_left_to_packaging() -> None:
    many = Inspected("scikit-learn", {f"c{at}": "FP32" for at in range(41)}, 41, "labels")
    found = guess("m", "m.skops", many, None, nobody, trust=("a.B",))
    assert found.model.entry == {"source": "m.skops", "trust": ["a.B"]}
    assert found.said["inputs"].endswith("and 33 more")


def test_numbers_are_measured_by_their_error_and_spread() -> None:
    rows = GivenRows("rows.npz", {"X": np.ones((4, 2)), "y": np.array([0.5, 200.5, 0.5, 200.5])})
    found = guess("m", "m.onnx", Inspected("onnx"), rows, nobody, trust=False)
    assert found.model.entry["accuracy"] == {"data": "rows.npz", "metric": "rmse", "max_drop": 1.0}
    assert found.model.request == {"inputs": [[1.0, 1.0]]}


def test_a_pipeline_that_boosts_needs_that_library_too() -> None:
    found = guess("m", "m.joblib", replace(CHURN, boosts=True), None, nobody, trust=True)
    assert found.model.extras == ("tabular", "boosting")


def test_a_model_of_images_gets_no_example_of_text() -> None:
    pets = Inspected("huggingface", images=True)
    assert guess("m", "pets", pets, None, nobody, trust=False).model.request is None
    assert missing_column(pets, {"text": ["a"]}) == "image"


@pytest.mark.parametrize(
    ("address", "extras"),
    [("hf://org/name", ("huggingface",)), ("runs:/1/m", ("mlflow",)), ("s3://b/m.onnx", ())],
)
def test_an_address_is_written_down(address: str, extras: tuple[str, ...]) -> None:
    found = guess_address("m", address)
    assert (found.model.entry, found.model.extras) == ({"source": address}, extras)


@pytest.mark.parametrize("address", ["ftp://example.com/m.onnx", "https://example.com/m.onnx"])
def test_an_address_that_cannot_be_downloaded_is_refused(address: str) -> None:
    with pytest.raises(SourceUnfetched, match=r"as hf://|needs #sha256"):
        guess_address("m", address)


def test_few_whole_numbers_are_classes() -> None:
    rows = GivenRows("rows.npz", {"X": np.ones((4, 2)), "y": np.array([0, 1, 2, 1])})
    found = guess("m", "m.keras", Inspected("tensorflow"), rows, nobody, trust=False)
    assert found.model.entry["accuracy"]["metric"] == "accuracy"


def test_vectors_are_compared_with_those_of_the_original() -> None:
    rows = GivenRows("rows.csv", {"age": Cells(["1"], [2])})
    scaler = Inspected("scikit-learn", {"age": "FP32"}, 1, "vectors")
    found = guess("m", "m.skops", scaler, rows, nobody, trust=False)
    assert found.model.entry["accuracy"]["metric"] == "cosine"


def test_without_rows_there_is_no_gate() -> None:
    found = guess("m", "m.onnx", Inspected("onnx"), None, nobody, trust=False)
    assert found.model.entry == {"source": "m.onnx"}
    assert found.model.request is None
    assert found.said["accuracy"].startswith("no gate: --data names held-out rows")
    unknown = GivenRows("rows.csv", {"id": [1], "other": [2]})
    found = guess("m", "m.onnx", Inspected("onnx"), unknown, nobody, trust=False)
    assert found.said["accuracy"].startswith("no gate: which column of rows.csv has")


@pytest.mark.parametrize(
    ("columns", "truth"),
    [
        (["age", "city", "new", "left"], "left"),
        (["age", "city", "new", "id", "Target"], "Target"),
        (["age", "city", "new", "id", "left"], ""),
        (["age", "city", "new"], ""),
    ],
)
def test_the_truth_is_the_column_that_is_no_input(columns: list[str], truth: str) -> None:
    assert find_truth(dict.fromkeys(columns, np.array([1])), CHURN, nobody) == truth


def test_where_several_may_be_the_truth_the_user_chooses() -> None:
    asked: list[Sequence[str]] = []

    def choose(_question: str, options: Sequence[str]) -> str:
        asked.append(options)
        return options[1]

    table = dict.fromkeys(["age", "city", "new", "id", "left"], np.array([1]))
    assert find_truth(table, CHURN, choose) == "left"
    assert asked == [["id", "left"]]


def test_the_last_column_beside_nameless_ones_is_the_truth() -> None:
    table = dict.fromkeys(["a", "b", "c"], np.array([1]))
    assert find_truth(table, Inspected("scikit-learn", {}, 2, "labels"), nobody) == "c"


def test_a_column_that_the_rows_lack_is_named() -> None:
    assert missing_column(CHURN, {"age": [1], "new": [True]}) == "city"
    assert missing_column(Inspected("huggingface"), {"y": [1]}) == "text"
    assert not missing_column(CHURN, ROWS)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("churn v2.joblib", "churn-v2"),
        ("pipeline.joblib", "shop"),
        ("sentiment", "sentiment"),
        ("models.joblib", "model"),
        ("_.joblib", "model"),
        ("jobs/churn.tar.gz", "churn"),
        ("hf:/org/sentiment-2@main", "sentiment-2"),
        ("s3:/bucket/jobs/7/model.tar.gz", "shop"),
        ("models:/churn/3", "churn"),
        ("models:/churn@champion", "churn"),
    ],
)
def test_a_name_is_that_of_the_file_or_the_project(path: str, name: str) -> None:
    assert guess_name(Path(path), Path("shop")) == name
