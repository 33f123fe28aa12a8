"""Headers on several lines: lists are joined and single ones may repeat, whatever the way."""

import gzip
import http.client
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from email.message import Message

import pytest

from tests.contracts.wire.ways import Served

JSON = ("content-type", "application/json")
ROWS = json.dumps({"inputs": [[1, 2]]}).encode()
TENSOR = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
MANY = {**TENSOR, "shape": [500, 2], "data": [1] * 1000}
TENSORS = json.dumps({"inputs": [MANY]}).encode()
HEADER = json.dumps(
    {"inputs": [{**TENSOR, "parameters": {"binary_data_size": 8}}]}, separators=(",", ":")
).encode()
BINARY = HEADER + bytes(8)
LENGTH = ("inference-header-content-length", str(len(HEADER)))
INFER = "/v2/models/floats/infer"

Lines = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes


def ask(served: Served, path: str, body: bytes, lines: Lines) -> Answer:
    with closing(http.client.HTTPConnection(served.address, timeout=30)) as connection:
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in (*lines, ("content-length", str(len(body)))):
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


@pytest.mark.parametrize(
    "lines",
    [
        [("accept", "application/xml"), ("accept", "text/csv")],
        [("accept", "text/csv"), ("accept", "application/xml;q=0.5")],
        [("Accept", "application/json;q=0.1"), ("accept", "text/csv"), ("accept", "image/png")],
    ],
)
def test_every_line_of_accept_counts(served: Served, lines: Lines) -> None:
    answer = ask(served, "/predict/floats", ROWS, [JSON, *lines])
    assert (answer.status, answer.body) == (200, b"1.0,2.0\n")


@pytest.mark.parametrize("order", [1, -1])
def test_every_line_of_accept_encoding_counts(served: Served, order: int) -> None:
    lines = [("accept-encoding", "br"), ("accept-encoding", "gzip")][::order]
    answer = ask(served, INFER, TENSORS, [JSON, *lines])
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["model_name"] == "floats"


@pytest.mark.parametrize(
    ("path", "body", "lines", "status"),
    [
        ("/predict/floats", ROWS, [JSON, JSON], 200),
        ("/predict/floats", ROWS, [JSON, JSON, JSON], 200),
        ("/predict/floats", ROWS, [JSON, ("content-type", "text/csv")], 415),
        ("/predict/floats", ROWS, [("content-type", "text/csv"), JSON], 415),
        (INFER, BINARY, [LENGTH, LENGTH], 200),
        (INFER, BINARY, [LENGTH, (LENGTH[0], "1")], 400),
        ("/predict/floats", ROWS, [JSON, *[("content-encoding", "identity")] * 2], 200),
        (
            "/predict/floats",
            gzip.compress(ROWS),
            [JSON, ("content-encoding", "identity"), ("content-encoding", "gzip")],
            200,
        ),
        ("/predict/floats", gzip.compress(ROWS), [JSON, *[("content-encoding", "gzip")] * 2], 400),
    ],
    ids=["type", "thrice", "CSV last", "CSV first", "length", "lengths", "as is", "gzip", "gzips"],
)
def test_a_single_header_may_repeat_and_not_contradict_itself(
    served: Served, path: str, body: bytes, lines: Lines, status: int
) -> None:
    answer = ask(served, path, body, lines)
    assert answer.status == status, answer.body


@pytest.mark.parametrize("second", ["one", "two"])
def test_the_first_request_id_is_the_one(served: Served, second: str) -> None:
    lines = [JSON, ("x-request-id", "one"), ("x-request-id", second)]
    assert ask(served, "/predict/floats", ROWS, lines).headers["x-request-id"] == "one"


def test_a_length_that_comes_twice_is_refused(served: Served) -> None:
    length = ("content-length", str(len(ROWS)))
    assert ask(served, "/predict/floats", ROWS, [JSON, length]).status == 400
