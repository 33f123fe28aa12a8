"""Rows are answered in groups, and a row that fails fails alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput, Unsupported, UnsupportedMediaType
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.batches.answering import answer, group_size
from lading.functions.inference.batches.rows import CommaRows, FileRows, JsonRows
from lading.functions.inference.models.predictor import Batching, ModelMetadata, Predictor
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from tests.support.batches import doubling
from tests.support.worlds import detector, write_artifact


class Counting(Predictor):
    """A model of texts that counts their bytes; its runs are noted, and `bad` has no answer."""

    def __init__(self, independent: bool = True) -> None:
        self.runs: list[list[bytes]] = []
        self.metadata = ModelMetadata(
            "count",
            1,
            "none",
            (TensorSpec("text", "BYTES", (-1,)),),
            (TensorSpec("bytes", "INT64", (-1,)),),
        )
        self._independent = independent

    @property
    def batching(self) -> Batching | None:
        return Batching() if self._independent else None

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        texts = inputs["text"].tolist()
        self.runs.append(texts)
        if b"bad" in texts:
            raise InvalidInput("text", "must not be bad")
        return {"bytes": np.array([len(text) for text in texts])}


def texts(*each: str) -> JsonRows:
    return JsonRows([f'"{text}"'.encode() for text in each])


def test_a_row_that_fails_fails_alone_and_says_why() -> None:
    predictor = Counting()
    words = ["a", "bb", "bad", "dddd", "ccccc", "bad", "eeeeee"]
    found = answer(predictor, texts(*words), group=4)
    assert found.places == [0, 1, 3, 4, 6]
    assert np.asarray(found.outputs["bytes"]).tolist() == [1, 2, 4, 5, 6]
    assert [(it.place, it.error) for it in found.failures] == [
        (2, "InvalidInput"),
        (5, "InvalidInput"),
    ]
    assert "must not be bad" in found.failures[0].reason
    assert sum(len(run) == 1 for run in predictor.runs) <= 4  # halved, not one by one


def test_texts_of_like_length_share_a_run_and_answers_keep_the_order() -> None:
    predictor = Counting()
    found = answer(predictor, texts("aaaa", "b", "cccc", "d"), group=2)
    assert predictor.runs == [[b"b", b"d"], [b"aaaa", b"cccc"]]
    assert np.asarray(found.outputs["bytes"]).tolist() == [4, 1, 4, 1]


def test_no_row_has_an_answer_and_each_a_reason() -> None:
    found = answer(Counting(), texts("bad", "bad"), group=8)
    assert (found.places, dict(found.outputs), len(found.failures)) == ([], {}, 2)


def test_rows_share_a_run_only_where_answers_do_not_depend_on_others() -> None:
    assert group_size(Counting(independent=False)) == 1
    assert group_size(Counting(independent=False), wanted=8) == 8
    assert group_size(Counting()) == 32


def test_numbers_share_larger_runs_than_texts(tmp_path: Path) -> None:
    digest = doubling(tmp_path)
    predictor = open_onnx(read_artifact(tmp_path / "models/double/1", digest), 1)
    assert group_size(predictor) == 256


def test_a_model_that_does_not_answer_row_by_row_is_refused(tmp_path: Path) -> None:
    model = detector("box")
    digest = write_artifact(tmp_path, "detector", 1, model)
    predictor = open_onnx(read_artifact(tmp_path / "models/detector/1", digest), 1)
    with pytest.raises(Unsupported, match="does not answer row by row"):
        answer(predictor, JsonRows([b"1.0", b"-1.0"]), group_size(predictor, 2))


def test_answers_of_different_shapes_are_kept_row_by_row(tmp_path: Path) -> None:
    digest = doubling(tmp_path)
    predictor = open_onnx(read_artifact(tmp_path / "models/double/1", digest), 1)
    found = answer(predictor, JsonRows([b"[1, 2]", b"[3]", b"[4, 5]"]), group=1)
    assert [row.tolist() for row in found.outputs["y"]] == [[2, 4], [6], [8, 10]]


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (JsonRows([b"[1, 2]", b'{"x": [3, 4]}', b"[5"]), [0, 1]),
        (CommaRows(b"a,b", [b"1,2", b"three,4", b"5,6", b"7"]), [0, 2, 3]),
    ],
    ids=["json", "csv"],
)
def test_a_damaged_row_harms_no_other(tmp_path: Path, rows: Any, wanted: list[int]) -> None:
    digest = doubling(tmp_path)
    predictor = open_onnx(read_artifact(tmp_path / "models/double/1", digest), 1)
    found = answer(predictor, rows, group=4)
    assert found.places == wanted
    assert len(found.places) + len(found.failures) == len(rows)


def test_files_are_the_rows_of_a_model_of_texts_and_of_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("four")
    rows = FileRows([tmp_path / "a.txt", tmp_path / "gone.txt", b"bytes"])
    found = answer(Counting(), rows, group=4)
    assert found.places == [0, 2]
    assert "gone.txt" in found.failures[0].reason
    digest = doubling(tmp_path)
    predictor = open_onnx(read_artifact(tmp_path / "models/double/1", digest), 1)
    with pytest.raises(UnsupportedMediaType):
        answer(predictor, rows, group=4)
