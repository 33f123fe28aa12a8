"""A part of a batch on Lambda: one item or several; the names of objects follow from the rows."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lading.functions.contract.errors import PartUnreadable, VersionNotFound
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.batches import objects
from lading.functions.inference.batches.event import answer_event
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.predictor import Predictor
from tests.conftest import Bucket
from tests.functions.inference.batches.test_answering import Counting
from tests.support.batches import doubling
from tests.support.faulty_network import faulty
from tests.support.s3 import aws

OWNER = "111122223333"


class Memory:
    """Objects in memory, instead of S3's."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)

    def read(self, bucket: str, key: str) -> bytes:
        return self.objects[f"{bucket}/{key}"]

    def find(self, address: str) -> bytes | None:
        return self.objects.get(address)

    def write(self, address: str, content: bytes) -> None:
        self.objects[address] = content

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in self.objects[f"s3://b/1/{name}"].splitlines()]


@pytest.fixture
def double(tmp_path: Path) -> Predictor:
    served = ServedModel("double", {1: doubling(tmp_path)})
    settings = ServingSettings((served,), model_root=str(tmp_path))
    return load_catalog(settings).model("double").predictor(1)


def event(kind: str, *items: Any) -> dict[str, Any]:
    given = {"kind": kind, "input": "b", "results": "s3://b/1"}
    return {"BatchInput": given, "Items": list(items)}


def test_chunks_are_read_and_answered_and_a_poisoned_row_fails_alone(double: Predictor) -> None:
    store = Memory(
        **{
            "b/in/000000000004.jsonl": b"[1, 2]\n[3\n[5, 6]\n",
            "b/in/000000000007.csv": b"a,b\n7,8\n",
        }
    )
    items = [{"Key": "in/000000000004.jsonl"}, {"Key": "in/000000000007.csv"}]
    done = answer_event(event("chunks", *items), double, store)
    assert done == {"rows": 4, "failed": 1}
    assert store.lines("results/000000000004.jsonl") == [
        {"row": 4, "y": [2, 4]},
        {"row": 6, "y": [10, 12]},
    ]
    assert store.lines("results/000000000007.jsonl") == [{"row": 7, "y": [14, 16]}]
    (error,) = store.lines("errors/000000000004.jsonl")
    assert (error["row"], error["error"]) == (5, "MalformedRequest")
    (record,) = store.lines("records/000000000004.jsonl")
    assert (record["rows"], record["failed"]) == (3, 1)


def test_a_part_that_was_interrupted_writes_the_same_objects(double: Predictor) -> None:
    store = Memory(**{"b/in/000000000000.jsonl": b"[1, 2]\n"})
    given = event("chunks", {"Key": "in/000000000000.jsonl"})
    answer_event(given, double, store)
    del store.objects["s3://b/1/records/000000000000.jsonl"]  # which is written last
    before = dict(store.objects)
    assert answer_event(given, double, store) == {"rows": 1, "failed": 0}
    del store.objects["s3://b/1/records/000000000000.jsonl"]
    assert store.objects == before


def test_a_part_that_is_answered_is_not_answered_again() -> None:
    store, model = Memory(**{"b/a.txt": b"four", "b/bad.txt": b"bad"}), Counting()
    given = event("files", {"row": 0, "Key": "a.txt"}, {"row": 1, "Key": "bad.txt"})
    first = answer_event(given, model, store)
    runs, before = len(model.runs), dict(store.objects)
    assert answer_event(given, model, store) == first == {"rows": 2, "failed": 1}
    assert len(model.runs) == runs > 0
    assert store.objects == before


def test_a_quoted_cell_of_several_lines_is_one_row() -> None:
    """Otherwise the rows after it would get the answers of others."""
    store = Memory(**{"b/in/000000000007.csv": b'text\n"two\nlines"\n"a ""quote"""\nlast'})
    given = event("chunks", {"Key": "in/000000000007.csv"})
    assert answer_event(given, Counting(), store) == {"rows": 3, "failed": 0}
    assert store.lines("results/000000000007.jsonl") == [
        {"row": 7, "bytes": 9},
        {"row": 8, "bytes": 9},
        {"row": 9, "bytes": 4},
    ]


@pytest.mark.parametrize(("group", "runs"), [(0, 1), (1, 4), (3, 2)])
def test_as_many_rows_share_a_run_as_the_batch_says(group: int, runs: int) -> None:
    model = Counting()
    given = event("rows", *({"row": row, "value": "text"} for row in range(4)))
    given["BatchInput"]["group"] = group
    store = Memory()
    assert answer_event(given, model, store) == {"rows": 4, "failed": 0}
    assert len(model.runs) == runs
    (record,) = store.lines("records/000000000000-000000000003.jsonl")
    assert record["group"] == (group or 32)


def test_rows_that_the_map_has_read_are_grouped_or_alone(double: Predictor) -> None:
    items = [{"row": 10, "value": [1, 2]}, {"row": 11, "value": [3, 4]}]
    store = Memory()
    assert answer_event(event("rows", *items), double, store) == {"rows": 2, "failed": 0}
    together = store.lines("results/000000000010-000000000011.jsonl")
    assert together == [{"row": 10, "y": [2, 4]}, {"row": 11, "y": [6, 8]}]
    alone = {**event("rows"), "Items": items[1]}
    assert answer_event(alone, double, store) == {"rows": 1, "failed": 0}
    assert store.lines("results/000000000011-000000000011.jsonl") == together[1:]


def test_answers_that_are_no_numbers_stay_what_they_are(double: Predictor) -> None:
    store = Memory()
    items = [{"row": 0, "value": [3e38, -3e38]}, {"row": 1, "value": [1, None]}]
    assert answer_event(event("rows", *items), double, store) == {"rows": 2, "failed": 0}
    first, second = store.lines("results/000000000000-000000000001.jsonl")
    assert first["y"] == [math.inf, -math.inf]
    assert second["y"] == [2, pytest.approx(math.nan, nan_ok=True)]


def test_files_are_rows_and_keep_their_names() -> None:
    store = Memory(**{"b/texts/a.txt": b"four", "b/texts/bad.txt": b"bad"})
    items = [{"row": 0, "Key": "texts/a.txt"}, {"row": 1, "Key": "texts/bad.txt"}]
    assert answer_event(event("files", *items), Counting(), store) == {"rows": 2, "failed": 1}
    name = "000000000000-000000000001.jsonl"
    assert store.lines(f"results/{name}") == [{"row": 0, "file": "texts/a.txt", "bytes": 4}]
    (error,) = store.lines(f"errors/{name}")
    assert (error["row"], error["file"], error["error"]) == (1, "texts/bad.txt", "InvalidInput")


def test_answers_longer_than_lambdas_limit_go_to_s3(double: Predictor) -> None:
    row = json.dumps([0.123456] * 3000).encode()
    content = b"\n".join([row] * 300)
    assert len(content) > LAMBDA.request_bytes
    store = Memory(**{"b/in/000000000000.jsonl": content})
    done = answer_event(event("chunks", {"Key": "in/000000000000.jsonl"}), double, store)
    assert done == {"rows": 300, "failed": 0}
    assert len(store.objects["s3://b/1/results/000000000000.jsonl"]) > LAMBDA.request_bytes


@pytest.mark.parametrize(
    "given",
    [
        {"Items": []},
        {"BatchInput": "rows", "Items": []},
        event("verse", {"row": 1}),
        event("rows"),
        event("rows", {"row": 1}),
        event("rows", {"row": "first", "value": 1}),
        event("chunks", 7),
        event("chunks", {"Key": "in/first.jsonl"}),
        event("chunks", {"Key": "in/000000000000.csv"}),
    ],
    ids=str,
)
def test_a_part_that_its_state_machine_would_not_send_is_refused(
    double: Predictor, given: dict[str, Any]
) -> None:
    store = Memory(**{"b/in/first.jsonl": b"[1, 2]\n", "b/in/000000000000.csv": b"\n"})
    with pytest.raises(PartUnreadable, match="deploy the stage again"):
        answer_event(given, double, store)


def test_the_handler_answers_a_part_beside_requests_though_s3_throttles(
    tmp_path: Path, bucket: Bucket, s3_url: str
) -> None:
    served = ServedModel("double", {1: doubling(tmp_path)})
    handler = create_handler(ServingSettings((served,), model_root=str(tmp_path)))
    bucket.client.put_object(Bucket=bucket.name, Key="in/000000000000.jsonl", Body=b"[1, 2]\n")
    given = event("chunks", {"Key": "in/000000000000.jsonl"})
    given["BatchInput"] |= {"input": bucket.name, "results": bucket.address}
    given["BatchInput"]["version"] = 1
    other = {**given, "BatchInput": {**given["BatchInput"], "version": 2}}
    with pytest.raises(VersionNotFound, match="version 2"):
        handler(other, None)
    objects._client.cache_clear()
    with faulty(s3_url) as network, aws(network.url):
        network.will("throttled", "none", "unavailable", "none", "throttled", "none", "throttled")
        assert handler(given, None) == {"rows": 1, "failed": 0}
        assert network.coming == []
        assert handler(given, None) == {"rows": 1, "failed": 0}  # which has its record by now
    objects._client.cache_clear()
    key = "some/prefix/results/000000000000.jsonl"
    body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    assert json.loads(body) == {"row": 0, "y": [2, 4]}


def test_results_go_only_into_the_bucket_of_the_expected_owner(
    tmp_path: Path, bucket: Bucket, s3_url: str
) -> None:
    served = ServedModel("double", {1: doubling(tmp_path)})
    handler = create_handler(ServingSettings((served,), model_root=str(tmp_path)))
    bucket.client.put_object(Bucket=bucket.name, Key="in/000000000000.jsonl", Body=b"[1, 2]\n")
    given = event("chunks", {"Key": "in/000000000000.jsonl"})
    given["BatchInput"] |= {"input": bucket.name, "results": bucket.address, "version": 1}
    objects._client.cache_clear()
    with faulty(s3_url) as network, aws(network.url):
        network.owner = OWNER
        for other in ("444455556666", ""):
            given["BatchInput"]["owner"] = other
            with pytest.raises(ClientError, match="AccessDenied"):
                handler(given, None)
        assert bucket.keys() == ["in/000000000000.jsonl"]
        given["BatchInput"]["owner"] = OWNER
        assert handler(given, None) == {"rows": 1, "failed": 0}
    objects._client.cache_clear()


def test_inputs_beside_the_own_bucket_may_be_in_another_account(
    bucket: Bucket, s3_url: str
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="theirs", Body=b"content")
    objects._client.cache_clear()
    with faulty(s3_url) as network, aws(network.url):
        read = objects.PartObjects("s3://own-bucket/results", OWNER).read
        assert read(bucket.name, "theirs") == b"content"
        assert network.expected == {None}
    objects._client.cache_clear()
