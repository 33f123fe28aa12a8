import numpy as np

from lading.functions.inference.drift.gathering import Gathering
from lading.functions.inference.models.prediction import Prediction
from tests.functions.inference.drift.streams import Doubling, lines_of, normal, note, sent


def test_a_baseline_that_cannot_be_read_is_one_warning_and_no_failure() -> None:
    gathering = Gathering("lading-test")
    sent(gathering, Doubling(b"{}"), normal(5, 1))
    (line,) = lines_of(gathering)
    assert (line["level"], line["model"]) == ("WARNING", "doubling")
    assert line["reason"].startswith("nothing is counted: a baseline cannot be read")
    assert "features" not in line


def test_an_output_that_a_request_left_out_is_not_counted_for_it() -> None:
    gathering, model, row = Gathering(), Doubling(), normal(1, 1)
    note(gathering, (Prediction(model, {"x": row}), {}))
    note(gathering, (Prediction(model, {"x": row}), {"y": row}))
    (line,) = lines_of(gathering)
    counted = {each["side"]: sum(each["counts"]) for each in line["features"]}
    assert counted == {"inputs": 2, "outputs": 1}


def test_requests_without_rows_and_of_other_shapes_do_not_disturb_others() -> None:
    gathering, model = Gathering(), Doubling()
    for array in (np.zeros((0, 3)), np.zeros((2, 5)), np.zeros(()), np.zeros((4, 3))):
        note(gathering, (Prediction(model, {"x": array}), {"y": array}))
    (line,) = lines_of(gathering)
    counted = {sum(each["counts"]) for each in line["features"] if each["name"] != "largest of y"}
    assert counted == {4}
