"""A record has the fields that may be kept, and no others."""

import numpy as np
import pytest

from lading.functions.contract.captured import to_line
from lading.functions.inference.capture.records import has_field, record_of
from lading.functions.inference.models.prediction import Prediction
from tests.functions.inference.capture.captures import Lender, answered, documents


def test_a_record_is_a_request_and_an_answer_of_the_plain_dialect() -> None:
    record = record_of("id-1", *answered())
    asked, told = documents(record)
    assert asked == {
        "inputs": {"age": [[40]], "income": [[0.1]], "x": [[1.5, float("inf")]], "note": ["hello"]}
    }
    outputs = {"label": [1], "scores": [[0.25, 0.75]]}
    assert told == {"model": "credit", "version": 3, "outputs": outputs}
    assert (record.id, record.model, record.version) == ("id-1", "credit", 3)


def test_only_the_allowed_fields_are_written() -> None:
    fields = ("age", "x[0]", "x[9]", "label", "unknown")
    line = to_line(record_of("id-1", *answered(age=41, note=b"secret"), fields))
    asked, told = documents(record_of("id-1", *answered(age=41, note=b"secret"), fields))
    assert asked == {"inputs": {"age": [[41]], "x[0]": [1.5]}}
    assert told["outputs"] == {"label": [1]}
    for hidden in (b"secret", b"income", b"scores", b"0.75"):
        assert hidden not in line


def test_a_tensor_keeps_its_shape_and_its_digits() -> None:
    inputs = {
        "scalar": np.array(0.1, np.float32),
        "turned": np.array([[0.1, 0.2], [0.3, 0.4]], np.float32).T,
        "missing": np.array([np.nan, -np.inf]),
        "half": np.array([0.1], np.float16),
        "truth": np.array([True, False]),
    }
    asked, _ = documents(record_of("id-1", Prediction(Lender(), inputs), {}))
    found = asked["inputs"]
    assert (found["scalar"], found["turned"]) == (0.1, [[0.1, 0.3], [0.2, 0.4]])
    assert np.isnan(found["missing"][0])
    assert (found["missing"][1], found["truth"]) == (-np.inf, [True, False])
    assert np.float16(found["half"][0]) == inputs["half"][0]


def test_bytes_that_are_not_text_are_base64() -> None:
    asked, _ = documents(record_of("id-1", *answered(note=b"\xff"), ("note",)))
    assert asked == {"inputs": {"note": [{"b64": "/w=="}]}}


@pytest.mark.parametrize(
    ("field", "there"),
    [
        ("age", True),
        ("scores", True),
        ("x[1]", True),
        ("x[2]", False),
        ("note[0]", False),
        ("other", False),
        ("other[0]", False),
    ],
)
def test_a_signature_has_a_field(field: str, there: bool) -> None:
    assert has_field(Lender.metadata, field) is there
