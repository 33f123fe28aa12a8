import json
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.drift.baseline import MAX_BYTES, read_baseline
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.measure.baseline import (
    MOST_COLUMNS_IN_ALL,
    MOST_ROWS,
    baseline_stage,
    edges_of,
)

GENERATOR = np.random.default_rng(7)


def recorded(
    *, batch: int | None = 0, real: bool = True, files: bool = False, **inputs: Any
) -> tuple[dict[str, Any], str]:
    """The baseline of these inputs of a model that returns them as `y_<name>`."""

    def model(request: Request) -> Request:
        return {f"y_{name}": array for name, array in request.items()}

    outputs = [TensorSpec(f"y_{name}", "FP32", (-1,)) for name in inputs]
    samples = Samples("m", "rows", inputs, len(next(iter(inputs.values()))), batch)
    content, outcome = baseline_stage(samples, model, outputs, real=real, files=files)
    return ({} if content is None else json.loads(content)), outcome


def views(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["tensor"], each["view"]) for each in found["features"]]


def texts(values: list[bytes]) -> Any:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("array", "side"),
    [
        (GENERATOR.normal(size=(200, 3)), [["columns"], ["columns", "largest"]]),
        (GENERATOR.integers(0, 9, 200), [["values"], ["values"]]),
        (GENERATOR.integers(0, 10**6, 200), [["columns"], ["columns"]]),
        (GENERATOR.random(200) < 0.5, [["values"], ["values"]]),
        (texts([b"red", b"green"] * 100), [["values"], ["values"]]),
        (texts([b"text %d" % n for n in range(200)]), [["length"], ["length"]]),
        (GENERATOR.normal(size=(200, 400)), [["mean"], ["mean", "largest"]]),
        (GENERATOR.random((60, 3, 16, 16)), [["brightness"], ["mean", "largest"]]),
        (GENERATOR.random((60, 16, 16, 3)), [["brightness"], ["mean", "largest"]]),
    ],
    ids=["numbers", "labels", "ids", "bool", "words", "texts", "wide", "image", "channels last"],
)
def test_a_tensor_has_the_views_that_say_most_of_it(array: Any, side: list[list[str]]) -> None:
    found, _ = recorded(x=array)
    wanted = [("x", view) for view in side[0]] + [("y_x", view) for view in side[1]]
    assert views(found) == wanted
    for feature in found["features"]:
        assert {sum(column) for column in feature["expected"]} == {len(array)}


def test_files_of_images_are_seen_by_length_and_brightness() -> None:
    found, _ = recorded(files=True, image=texts([b"file %d" % n for n in range(40)]))
    assert views(found) == [("image", "length"), ("image", "picture"), ("y_image", "length")]


def test_bins_are_tenths_of_the_rows_and_open_at_no_end() -> None:
    found, _ = recorded(x=np.arange(1000.0))
    counts = found["features"][0]["expected"][0]
    assert counts == [0, *[100] * 10, 0, 0]


def test_a_missing_value_has_its_own_slot() -> None:
    found, outcome = recorded(x=np.array([np.nan, 1.0, 2.0] * 20))
    assert found["features"][0]["expected"] == [[0, 20, 20, 0, 20]]
    assert found["rows"] == 60
    assert outcome.startswith("60 rows, 2 features")


@pytest.mark.parametrize(
    ("column", "edges"),
    [
        ([5.0, 5.0], [5.0]),
        ([0.0, 0.0, 1.0], [0.0, 1.0]),
        ([np.nan, np.inf], []),
        (np.repeat([0.0, *range(1, 200)], [10**4, *[1] * 199]), [0.0]),
    ],
    ids=["constant", "two values", "none", "mostly zero"],
)
def test_edges_are_different_even_where_values_repeat(column: Any, edges: list[float]) -> None:
    found = edges_of(np.array(column, np.float64))
    assert found[:-1] == edges if edges else found == []
    assert found == sorted(set(found))


def test_zeros_are_in_range_also_where_tiny_numbers_are_read_as_zero() -> None:
    low, above = edges_of(np.zeros(9, np.float32))
    assert low == 0
    assert above == np.finfo(np.float32).tiny


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ({"real": False}, "names no held-out rows"),
        ({"batch": None}, "a first axis"),
        ({"x": np.zeros(5)}, "needs 30 rows"),
    ],
    ids=["made up", "no rows", "few"],
)
def test_no_baseline_is_made_of_rows_that_say_nothing(samples: dict[str, Any], reason: str) -> None:
    found, outcome = recorded(**{"x": np.zeros(100), **samples})
    assert found == {}
    assert reason in outcome


def test_rows_and_features_and_bytes_are_limited() -> None:
    many: dict[str, Any] = {
        f"x{n}": GENERATOR.normal(size=(MOST_ROWS + 500, 200)) for n in range(4)
    }
    found, _ = recorded(**many)
    content = json.dumps(found).encode()
    assert MOST_ROWS <= found["rows"] < MOST_ROWS + 64
    assert sum(len(each["expected"]) for each in found["features"]) <= MOST_COLUMNS_IN_ALL
    assert len(content) <= MAX_BYTES
    assert read_baseline(content).rows == found["rows"]


def test_the_same_rows_give_the_same_bytes() -> None:
    array = GENERATOR.normal(size=(100, 3))
    assert recorded(x=array) == recorded(x=array.copy())
