from pathlib import Path
from typing import Any

import numpy as np
import pytest

from functions.inference.artifact import TensorSpec
from functions.inference.session import SessionError
from model_packaging.errors import DataUnusable
from model_packaging.samples import Request, make_up, read_holdout

X = TensorSpec("features", "FP32", (-1, 3))
MASK = TensorSpec("mask", "BOOL", (-1, -1))
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
TRUTH = np.array([0, 1, 1, 0])


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "holdout.npz"
    np.savez(path, **arrays)
    return path


def shapes(requests: Any) -> list[dict[str, tuple[int, ...]]]:
    return [{name: array.shape for name, array in request.items()} for request in requests]


def test_made_up_rows_fit_the_signature_and_are_the_same_each_time() -> None:
    specs = (X, MASK, TensorSpec("words", "BYTES", (-1,)), TensorSpec("rate", "FP64", ()))
    samples = make_up("digits", specs)
    assert samples.rows == 64
    assert shapes(samples.requests(40)) == [
        {"features": (40, 3), "mask": (40, 8), "words": (40,), "rate": ()},
        {"features": (24, 3), "mask": (24, 8), "words": (24,), "rate": ()},
    ]
    again = make_up("digits", specs)
    for name, array in samples.inputs.items():
        assert array.dtype == again.inputs[name].dtype
        assert np.array_equal(array, again.inputs[name])


def test_a_model_that_insists_on_its_batch_gets_it() -> None:
    samples = make_up("digits", (TensorSpec("x", "INT64", (2, 3)),))
    assert set(map(str, shapes(samples.requests(1)))) == {"{'x': (2, 3)}"}
    assert set(np.unique(samples.inputs["x"])) == {0, 1}


def test_inputs_without_a_common_batch_make_one_request() -> None:
    specs = (TensorSpec("a", "FP32", (2, 3)), TensorSpec("b", "FP32", (5,)))
    assert shapes(make_up("digits", specs).requests(1)) == [{"a": (2, 3), "b": (5,)}]


def test_large_rows_are_fewer() -> None:
    assert make_up("images", (TensorSpec("x", "FP32", (-1, 3, 640, 640)),)).rows == 4


def test_held_out_rows_are_read_under_the_inputs_name_or_as_x(tmp_path: Path) -> None:
    for name in ("features", "X"):
        samples = read_holdout("digits", save(tmp_path, **{name: ROWS, "y": TRUTH}), (X,))
        assert samples.rows == 4
        assert np.array_equal(samples.inputs["features"], ROWS)
        assert np.array_equal(np.asarray(samples.truth), TRUTH)
        assert shapes(samples.requests(3)) == [{"features": (3, 3)}, {"features": (1, 3)}]


def test_numbers_are_converted_where_that_is_harmless_and_texts_become_bytes(
    tmp_path: Path,
) -> None:
    path = save(tmp_path, X=ROWS.astype(np.int64), y=TRUTH)
    assert read_holdout("digits", path, (X,)).inputs["features"].dtype == np.float32
    words = TensorSpec("words", "BYTES", (-1,))
    path = save(tmp_path, X=np.array(["a", "b", "c", "é"]), y=TRUTH)
    assert read_holdout("digits", path, (words,)).inputs["words"].tolist()[3] == "é".encode()


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"X": ROWS}, "has no array 'y'"),
        ({"y": TRUTH}, "has no array 'features'"),
        ({"X": ROWS[:0], "y": TRUTH[:0]}, "holds no rows"),
        ({"X": ROWS, "y": np.array(1)}, "holds no rows"),
        ({"X": ROWS[:3], "y": TRUTH}, "has 3 rows in 'features' and 4 in 'y'"),
        ({"X": ROWS[:, :2], "y": TRUTH}, r"\[4, 2\].* the model takes \[-1, 3\]"),
        ({"X": ROWS.ravel(), "y": TRUTH}, r"\[12\]"),
        ({"X": ROWS.astype(str), "y": TRUTH}, "must be FP32, not <U"),
        ({"X": ROWS, "y": np.array([0, 1, np.nan, 0])}, "has NaN or infinity in 'y'"),
        ({"X": ROWS, "y": np.array([0, 1, None, 0])}, r"is no \.npz file of plain arrays"),
    ],
)
def test_rows_that_do_not_fit_are_one_clear_error(
    tmp_path: Path, arrays: dict[str, Any], text: str
) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(DataUnusable, match=text) as caught:
        read_holdout("digits", path, (X,))
    assert str(caught.value).startswith(f"model 'digits': {path} ")


def test_floats_are_never_cut_to_integers(tmp_path: Path) -> None:
    whole = TensorSpec("features", "INT64", (-1, 3))
    with pytest.raises(DataUnusable, match="must be INT64, not float32"):
        read_holdout("digits", save(tmp_path, X=ROWS, y=TRUTH), (whole,))


def test_rows_must_fill_the_batches_that_a_model_insists_on(tmp_path: Path) -> None:
    spec = TensorSpec("x", "FP32", (3, 3))
    with pytest.raises(DataUnusable, match="has 4 rows, the model takes batches of 3"):
        read_holdout("digits", save(tmp_path, x=ROWS, y=TRUTH), (spec,))
    pair = TensorSpec("x", "FP32", (2, 3))
    samples = read_holdout("digits", save(tmp_path, x=ROWS, y=TRUTH), (pair,))
    assert shapes(samples.requests(64)) == [{"x": (2, 3)}, {"x": (2, 3)}]


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04garbage", b"\x93NUMPY"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "holdout.npz"
    path.write_bytes(content)
    with pytest.raises(DataUnusable, match=r"is no \.npz file of plain arrays"):
        read_holdout("digits", path, (X,))


def test_a_truncated_archive_and_a_lone_array_are_one_clear_error(tmp_path: Path) -> None:
    path = save(tmp_path, X=ROWS, y=TRUTH)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataUnusable, match=r"is no \.npz file"):
        read_holdout("digits", path, (X,))
    np.save(tmp_path / "rows.npy", ROWS)
    with pytest.raises(DataUnusable, match=r"is no \.npz file"):
        read_holdout("digits", tmp_path / "rows.npy", (X,))


def test_a_model_that_cannot_answer_the_rows_is_one_clear_error() -> None:
    samples = make_up("digits", (X,))
    for failure in (ValueError("bad\nrows"), SessionError(RuntimeError("bad\nrows"))):

        def fail(inputs: Request, failure: Exception = failure) -> Request:
            raise failure

        with pytest.raises(DataUnusable, match=r"made-up rows .* the original model: bad$"):
            samples.guarded(fail, "original")(samples.inputs)
