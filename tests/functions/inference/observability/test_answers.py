"""What a log line says of an answer."""

from typing import Any

import numpy as np
import pytest

from lading.functions.contract.steps import step_of
from lading.functions.inference.endpoint.fleet import FleetAnswer
from lading.functions.inference.observability.answers import noted


@pytest.mark.parametrize(
    ("outputs", "note"),
    [
        ({"label": [3, 1]}, {"class": "3"}),
        ({"label": [True]}, {"class": "1"}),
        ({"label": [10**9]}, {"class": "large"}),
        ({"scores": [[0.1, 0.7, 0.2], [1.0, 0.0, 0.0]]}, {"class": "1", "score": step_of(0.7)}),
        ({"label": [2], "p": [[0.5, 0.4, 0.1]]}, {"class": "2", "score": step_of(0.5)}),
        ({"p": [[0.5, 0.4, 0.1]], "label": [2]}, {"score": step_of(0.5), "class": "0"}),
        ({"price": [12.5, 1.0]}, {"score": step_of(12.5)}),
        ({"price": 12.5}, {"score": step_of(12.5)}),
        ({"image": np.full((1, 40, 40), 2.0)}, {"score": step_of(2.0)}),
        ({"price": [np.nan]}, {"class": "not finite"}),
        ({"none": np.zeros((0, 3)), "boxes": np.zeros((2, 3), np.int64)}, {}),
    ],
)
def test_the_first_row_gives_a_class_and_a_score(
    outputs: dict[str, Any], note: dict[str, Any]
) -> None:
    assert noted({name: np.asarray(value) for name, value in outputs.items()}) == note


def test_the_fleet_of_an_endpoint_is_noted_where_it_is_known() -> None:
    outputs = {"label": np.asarray([3])}
    assert noted(FleetAnswer(outputs, "other")) == {"class": "3", "fleet": "other"}


def test_a_text_is_written_as_a_checksum() -> None:
    texts = [noted({"y": np.array([text], object)})["class"] for text in ("a name", b"a name", "b")]
    assert texts[0] == texts[1] != texts[2]
    assert "name" not in texts[0]
