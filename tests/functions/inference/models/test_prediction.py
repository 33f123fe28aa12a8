"""A prediction is computed at once, and its time is noted."""

from collections.abc import Sequence

import numpy as np
import pytest

from lading.functions.contract.errors import PredictionFailed
from lading.functions.inference.models.prediction import Prediction, forget_answer, predict
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, custom_attributes
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation


class Listening(Predictor):
    """A model that answers with the length of the custom attributes; of '!' it fails."""

    metadata = ModelMetadata("listening", 1, "python", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        if custom_attributes.get() == "!":
            raise PredictionFailed("listening", 1, "it fails")
        return {
            "length": np.array([len(custom_attributes.get())]),
            **dict.fromkeys(outputs, inputs["x"]),
        }


X = {"x": np.zeros(1)}


def test_the_model_gets_inputs_outputs_and_attributes_of_its_own_request() -> None:
    named = Prediction(Listening(), X, ["y"], "three").compute()
    assert named["length"].tolist() == [5]
    assert named["y"] is X["x"]
    assert Prediction(Listening(), X).compute()["length"].tolist() == [0]


def test_the_attributes_of_a_failed_prediction_do_not_stay() -> None:
    with pytest.raises(PredictionFailed):
        Prediction(Listening(), X, (), "!").compute()
    assert custom_attributes.get() == ""


@pytest.mark.parametrize("attributes", ["", "!"])
def test_the_time_of_a_prediction_is_noted_whether_it_fails_or_not(attributes: str) -> None:
    seen = Observation()
    try:
        predict(Prediction(Listening(), X, (), attributes), seen)
    except PredictionFailed:
        assert attributes
    assert seen.compute_started is not None
    assert seen.compute_ended is not None
    assert seen.started <= seen.compute_started <= seen.compute_ended


@pytest.mark.parametrize(
    ("baseline", "attributes", "noted"),
    [(None, "", False), (b"{}", "", True), (b"{}", "!", False)],
    ids=["no baseline", "baseline", "failed"],
)
def test_a_prediction_is_noted_if_its_model_has_a_baseline_to_count_it_in(
    baseline: bytes | None, attributes: str, noted: bool
) -> None:
    model, seen = Listening(), Observation()
    model.baseline = baseline
    prediction = Prediction(model, X, (), attributes)
    try:
        outputs = predict(prediction, seen)
    except PredictionFailed:
        outputs = {}
    assert seen.answered == ((prediction, outputs) if noted else None)


@pytest.mark.parametrize("drawn", [True, False])
def test_a_prediction_is_kept_for_a_capture_if_it_is_drawn(drawn: bool) -> None:
    model, seen = Listening(), Observation()
    model.drawn = lambda: drawn
    prediction = Prediction(model, X)
    outputs = predict(prediction, seen)
    assert seen.captured == ((prediction, outputs) if drawn else None)
    forget_answer(seen)
    assert seen.captured is None
