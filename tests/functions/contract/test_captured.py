"""Captured requests are lines of SageMaker's data capture."""

import json

import pytest

from lading.functions.contract.captured import (
    REQUESTS,
    CapturedRequest,
    Payload,
    object_key,
    read_lines,
    to_line,
    truth_line,
)

AT = "2026-11-30T04:05:06Z"
ASKED = Payload(b'{"inputs":[[1]]}')
ANSWERED = Payload(b'{"outputs":{"y":[2]}}')

OF_SAGEMAKER = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":'
    '"132,25,113.2","encoding":"CSV"},"endpointOutput":{"observedContentType":'
    '"text/csv; charset=utf-8","mode":"OUTPUT","data":"AAE=","encoding":"BASE64"}},'
    '"eventMetadata":{"eventId":"aaaa-bbbb-cccc","inferenceTime":"2019-08-30T04:05:06Z"},'
    '"eventVersion":"0"}\n\n'
)
"""The example in SageMaker's documentation, with an answer in base64."""


@pytest.mark.parametrize(
    "captured",
    [
        CapturedRequest("id-1", AT, ASKED, ANSWERED, "digits", 3),
        CapturedRequest("id-1", AT, ASKED),
        CapturedRequest("id-1", AT, Payload(b"\xff\x00", "application/octet-stream"), ANSWERED),
    ],
    ids=["whole", "no answer", "bytes"],
)
def test_what_is_written_is_read_again(captured: CapturedRequest) -> None:
    assert [*read_lines(to_line(captured))] == [captured]


def test_lines_that_sagemaker_wrote_are_read() -> None:
    (found,) = read_lines(OF_SAGEMAKER.encode())
    assert (found.id, found.at) == ("aaaa-bbbb-cccc", "2019-08-30T04:05:06Z")
    assert found.request == Payload(b"132,25,113.2", "text/csv")
    assert found.answer == Payload(b"\x00\x01", "text/csv; charset=utf-8")
    assert (found.model, found.version) == ("", None)


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        "{}",
        '{"captureData":{"endpointInput":{"data":1,"encoding":"JSON"}},"eventMetadata":{}}',
        OF_SAGEMAKER.replace("CSV", "PARQUET").strip(),
        OF_SAGEMAKER.replace("AAE=", "?").strip(),
        "[" * 100_000,
    ],
    ids=["text", "list", "empty", "number", "encoding", "base64", "deep"],
)
def test_another_line_is_named_in_the_error(line: str) -> None:
    good = to_line(CapturedRequest("id-1", AT, ASKED))
    with pytest.raises(ValueError, match="line 2 is no captured request"):
        [*read_lines(good + line.encode())]


def test_a_key_has_nothing_of_the_id_and_one_place() -> None:
    keys = {object_key(REQUESTS, "digits", each) for each in ("../../etc", "a", "a" * 128, "é")}
    assert len(keys) == 4
    assert all(key.startswith("captured/digits/") and len(key) == 54 for key in keys)
    assert object_key(REQUESTS, "digits", "a") in keys


@pytest.mark.parametrize(
    ("truth", "written"),
    [
        (1, {"data": "1", "encoding": "CSV"}),
        ("cat", {"data": "cat", "encoding": "CSV"}),
        ("a,b", {"data": '"a,b"', "encoding": "JSON"}),
        ([1, 2], {"data": "[1, 2]", "encoding": "JSON"}),
    ],
)
def test_a_truth_is_a_line_of_ground_truth(truth: object, written: dict[str, str]) -> None:
    line = json.loads(truth_line("id-1", truth, {"lading": {"version": 3}}))
    assert line["groundTruthData"] == written
    assert line["eventMetadata"] == {"eventId": "id-1"}
    assert (line["eventVersion"], line["lading"]) == ("0", {"version": 3})
