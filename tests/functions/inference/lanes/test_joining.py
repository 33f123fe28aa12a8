"""Predictions that share a run get the answers that they would have got alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.lanes.joining import (
    USUAL_ROWS,
    Asked,
    Outcome,
    predict_together,
    runs_of,
)
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Batching, Predictor
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation
from tests.support.worlds import STRING, add_sub, detector, echo, write_artifact

JOINED = {"batching": {"most_rows": 8, "longest_wait_ms": 0}}


class Counting(Predictor):
    """A predictor that counts the rows of its runs.

    Args:
        predictor: which computes.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.metadata, self.allowed = predictor.metadata, predictor.batching
        self.predictor, self.runs = predictor, list[int]()

    @property
    def batching(self) -> Batching | None:
        return self.allowed

    def predict(self, inputs: dict[str, Array], outputs: Any = ()) -> dict[str, Array]:
        self.runs.append(len(next(iter(inputs.values()))))
        return self.predictor.predict(inputs, outputs)


def served(root: Path, model: bytes, **changes: Any) -> Counting:
    write_artifact(root, "m", 1, model, **{**JOINED, **changes})
    return Counting(open_onnx(read_artifact(root / "models" / "m" / "1"), 1))


def pair(a: int, rows: int = 1) -> dict[str, Array]:
    inputs = {"a": np.full((rows, 3), a, np.float32), "b": np.ones((rows, 3), np.float32)}
    inputs["a"][:, 1] = np.arange(rows)
    return inputs


def asked(*predictions: Prediction) -> list[Asked]:
    return [Asked(each, Observation()) for each in predictions]


def together(wanted: list[Asked], most_rows: int = USUAL_ROWS) -> list[Outcome]:
    """The outcome of each prediction."""
    found: dict[int, Outcome] = {}
    for ran in predict_together(wanted, most_rows):
        found.update(zip(ran.places, ran.outcomes, strict=True))
    return [found[place] for place in range(len(wanted))]


def test_requests_of_equal_shape_share_a_run_and_get_their_own_rows(tmp_path: Path) -> None:
    model = served(tmp_path, add_sub())
    inputs = [pair(1), pair(2, rows=3), pair(3)]
    found = together(asked(*(Prediction(model, each) for each in inputs)))
    assert model.runs == [5]
    for each, outcome in zip(inputs, found, strict=True):
        assert isinstance(outcome, dict)
        alone = model.predictor.predict(each)
        assert list(outcome) == list(alone)
        for name, array in alone.items():
            np.testing.assert_array_equal(outcome[name], array)


def test_a_run_has_at_most_the_models_rows_and_keeps_the_order(tmp_path: Path) -> None:
    model = served(tmp_path, add_sub())
    predictions = [Prediction(model, pair(1, rows)) for rows in (3, 3, 3, 2, 9, 1)]
    assert list(runs_of(predictions)) == [[0, 1], [2, 3, 5], [4]]
    together(asked(*predictions))
    assert model.runs == [6, 6, 9]


def test_a_server_may_allow_fewer_rows_than_a_model(tmp_path: Path) -> None:
    predictions = [Prediction(served(tmp_path, add_sub()), pair(1))] * 4
    assert list(runs_of(predictions, 3)) == [[0, 1, 2], [3]]
    assert list(runs_of(predictions, 1)) == [[0], [1], [2], [3]]


def test_other_shapes_outputs_models_and_attributes_run_by_themselves(tmp_path: Path) -> None:
    model, other = served(tmp_path / "1", add_sub()), served(tmp_path / "2", add_sub())
    wide = {name: np.ones((1, 4), np.float32) for name in ("a", "b")}
    doubles = {name: np.ones((1, 3)) for name in ("a", "b")}
    predictions = [
        Prediction(model, pair(1)),
        Prediction(model, wide),
        Prediction(model, doubles),
        Prediction(model, pair(1), ["sum"]),
        Prediction(other, pair(1)),
        Prediction(model, pair(1), attributes="trace=1"),
        Prediction(model, {"a": pair(1, 2)["a"], "b": pair(1)["b"]}),
        Prediction(model, {"a": np.float32(1) * np.ones(()), "b": np.ones(())}),
        Prediction(model, pair(1, rows=0)),
        Prediction(model, {}),
    ]
    assert list(runs_of(predictions)) == [[place] for place in range(10)]


def test_of_requests_that_share_runs_the_one_whose_turn_it_is_is_counted(tmp_path: Path) -> None:
    model = served(tmp_path, add_sub())
    model.baseline, model.noted_of, model.next_noted = b"{}", 10**9, 6
    noted = []
    for _ in range(2):
        wanted = asked(*(Prediction(model, pair(number)) for number in range(4)))
        together(wanted)
        noted += [each.observation.answered is not None for each in wanted]
    assert noted == [False, False, False, False, False, True, False, False]
    assert (model.runs, model.predictions) == ([4, 4], 8)


def test_a_model_that_does_not_allow_it_is_never_joined(tmp_path: Path) -> None:
    model = served(tmp_path, add_sub())
    model.allowed = None
    together(asked(Prediction(model, pair(1)), Prediction(model, pair(2))))
    assert model.runs == [1, 1]


def test_one_wrong_request_does_not_spoil_the_others(tmp_path: Path) -> None:
    model = served(tmp_path, echo(STRING, ["batch"]))
    right, wrong = np.array([b"ok"], np.object_), np.array([b"\xff"], np.object_)
    name = model.metadata.inputs[0].name
    found = together(asked(*(Prediction(model, {name: each}) for each in (right, wrong, right))))
    assert model.runs == [3, 1, 1, 1]
    assert isinstance(found[1], InvalidInput)
    assert [type(found[0]), type(found[2])] == [dict, dict]


def test_outputs_without_a_row_for_each_row_are_not_divided(tmp_path: Path) -> None:
    model = served(tmp_path, detector())
    assert model.batching is None, "the count has a fixed shape"
    model.allowed = Batching()
    inputs = [np.array(values, np.float32) for values in ([1, -1], [2, 3])]
    found = together(asked(*(Prediction(model, {"x": each}) for each in inputs)))
    assert model.runs == [4, 2, 2]
    assert [outcome["count"].tolist() for outcome in found if isinstance(outcome, dict)] == [
        [1],
        [2],
    ]


def test_short_texts_do_not_share_a_run_with_long_ones(tmp_path: Path) -> None:
    model = served(tmp_path, echo(STRING, ["batch"]))
    name = model.metadata.inputs[0].name
    texts = [b"a", b"b" * 1000, b"c" * 60, b"d" * 1020, b"e" * 64]
    predictions = [Prediction(model, {name: np.array([text], np.object_)}) for text in texts]
    assert list(runs_of(predictions)) == [[0, 2], [1, 3], [4]]


def test_the_time_of_a_shared_run_is_noted_for_each_request(tmp_path: Path) -> None:
    model = served(tmp_path, add_sub())
    requests = asked(Prediction(model, pair(1)), Prediction(model, pair(2)))
    together(requests)
    first, second = (each.observation for each in requests)
    assert first.compute_started is not None
    assert (first.compute_started, first.compute_ended) == (
        second.compute_started,
        second.compute_ended,
    )


@pytest.mark.parametrize("rows", [[1] * 16, [7, 8, 9, 10, 11]], ids=["single rows", "many rows"])
def test_answers_are_equal_bit_by_bit_however_requests_are_joined(
    tmp_path: Path, rows: list[int]
) -> None:
    model = served(tmp_path, add_sub(), batching={"most_rows": 64, "longest_wait_ms": 0})
    generator = np.random.default_rng(7)
    inputs = [
        {name: generator.normal(size=(count, 3)).astype(np.float32) for name in ("a", "b")}
        for count in rows
    ]
    found = together(asked(*(Prediction(model, each) for each in inputs)), 64)
    assert len(model.runs) == 1
    for each, outcome in zip(inputs, found, strict=True):
        assert isinstance(outcome, dict)
        for name, array in model.predictor.predict(each).items():
            assert array.tobytes() == outcome[name].tobytes()


def test_each_request_of_a_shared_run_is_noted_with_its_own_rows(tmp_path: Path) -> None:
    model = served(tmp_path, echo())
    model.baseline = b"{}"
    rows = [np.full((count, 2), float(count), np.float32) for count in (1, 2, 3)]
    asked = [Asked(Prediction(model, {"x": each}), Observation()) for each in rows]
    list(predict_together(asked))
    assert model.runs == [6]
    for each, sent in zip(asked, rows, strict=True):
        assert each.observation.answered is not None
        prediction, outputs = each.observation.answered
        assert prediction is each.prediction
        assert np.array_equal(outputs["y"], sent)
