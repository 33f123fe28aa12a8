"""Answers a part of a batch on Lambda: one item of a Distributed Map, or several that it groups.

    {"BatchInput": {"kind": "chunks", "input": "bucket", "results": "s3://bucket/prefix",
                    "group": 0, "version": 3, "owner": "123456789012"},
     "Items": [{"row": 0, "Key": "batches/1/input/000000000000.jsonl"}, ...]}

| kind | an item | its row number |
|---|---|---|
| `chunks` | an object with many rows, as JSON Lines or CSV | the first row's: the object's name |
| `files` | an object that is one row: an image, or a text | `row` |
| `rows` | a row of JSON that the Map has read: `value` | `row` |

Answers go to `results/`, rows without an answer to `errors/`, and what was done to `records/`, each
as one object whose name follows from the rows; the record is the last. So a part that has a record
is not answered again, one that was interrupted writes the same objects, and an answer may be longer
than Lambda's or the Map's limits. `Items` may be one item, since emulators do not group them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from lading.functions.contract.errors import PartUnreadable
from lading.functions.inference.batches import comma
from lading.functions.inference.batches.answering import Column, answer, group_size
from lading.functions.inference.batches.lines import FILE, ROW, encoded_lines, error_lines
from lading.functions.inference.batches.rows import CommaRows, FileRows, JsonRows, Rows
from lading.functions.inference.models.predictor import Predictor

ITEMS = "Items"
"""The key that tells such an event from a request."""

RESULTS, ERRORS, RECORDS = "results", "errors", "records"
"""Where a part's objects are, below the results of its batch."""

_COUNTS = ("rows", "failed")


class PartStore(Protocol):
    """Objects in S3."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""

    def find(self, address: str) -> bytes | None:
        """Return the content of an object; None if there is none."""

    def write(self, address: str, content: bytes) -> None:
        """Write an object, over the one that is there."""


class BatchPart(NamedTuple):
    """Rows that are answered together.

    Args:
        name: the name of the part's objects.
        rows: its rows.
        numbers: the numbers of its rows.
        files: the name of each row's file, if a row is a file.
    """

    name: str
    rows: Rows
    numbers: Sequence[int]
    files: Sequence[str] = ()


def answer_event(
    event: Mapping[str, Any], predictor: Predictor, objects: PartStore
) -> dict[str, int]:
    """Answer the rows of an event; return how many there were.

    Raises:
        PartUnreadable: the event is not as described above.
        InferenceError: the model can answer no row of this kind.
    """
    items = event[ITEMS]
    items = items if isinstance(items, list) else [items]
    with _read():
        given = event["BatchInput"]
        parts = [*_parts(given["kind"], given.get("input", ""), items, objects)]
        place = str(given["results"]).rstrip("/")
        wanted = int(given.get("group", 0)) or None
    group = group_size(predictor, wanted)
    done = [_answer(part, predictor, group, place, objects) for part in parts]
    return {key: sum(each[key] for each in done) for key in _COUNTS}


@contextmanager
def _read() -> Iterator[None]:
    """Turn what a part of another form raises into one clear error."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise PartUnreadable(error) from error


def _parts(
    kind: str, bucket: str, items: Sequence[Mapping[str, Any]], objects: PartStore
) -> Iterator[BatchPart]:
    if kind == "chunks":
        yield from (_chunk(item["Key"], objects.read(bucket, item["Key"])) for item in items)
        return
    numbers = [int(item["row"]) for item in items]
    name = f"{numbers[0]:012}-{numbers[-1]:012}.jsonl"
    if kind == "files":
        keys = [str(item["Key"]) for item in items]
        contents = [objects.read(bucket, key) for key in keys]
        yield BatchPart(name, FileRows(contents), numbers, keys)
    elif kind == "rows":
        yield BatchPart(name, JsonRows([json.dumps(it["value"]).encode() for it in items]), numbers)
    else:
        raise ValueError(f"there is no kind of batch '{kind}'")


def _chunk(key: str, content: bytes) -> BatchPart:
    name = PurePosixPath(key)
    first, rows = int(name.stem), _rows(name.suffix, content)
    return BatchPart(f"{name.stem}.jsonl", rows, range(first, first + len(rows)))


def _rows(suffix: str, content: bytes) -> Rows:
    if suffix == ".csv":
        header, *lines = comma.rows_of(content)
        return CommaRows(header, lines)
    return JsonRows([line for line in content.split(b"\n") if line.strip()])


def _answer(
    part: BatchPart, predictor: Predictor, group: int, place: str, objects: PartStore
) -> dict[str, int]:
    if known := objects.find(f"{place}/{RECORDS}/{part.name}"):
        with _read():
            before = json.loads(known)
            return {key: before[key] for key in _COUNTS}
    began = perf_counter()
    found = answer(predictor, part.rows, group)
    if found.places:
        columns = _columns(part, found.places, found.outputs)
        lines = encoded_lines(columns, bare_tokens=True)  # the output's format decides of NaN
        objects.write(f"{place}/{RESULTS}/{part.name}", b"".join(lines))
    if found.failures:
        failures = [each._replace(place=part.numbers[each.place]) for each in found.failures]
        named = {part.numbers[place]: name for place, name in enumerate(part.files)}
        lines = [
            error_lines([each._replace(place=0)], each.place, [named[each.place]] if named else ())
            for each in failures
        ]
        objects.write(f"{place}/{ERRORS}/{part.name}", b"".join(lines))
    record = {"rows": len(part.rows), "failed": len(found.failures)}
    told = {**record, "group": group, "seconds": round(perf_counter() - began, 3)}
    objects.write(f"{place}/{RECORDS}/{part.name}", json.dumps(told).encode())
    return record


def _columns(
    part: BatchPart, places: Sequence[int], outputs: Mapping[str, Column]
) -> Iterator[tuple[str, Column]]:
    yield ROW, np.array([part.numbers[place] for place in places], np.int64)
    if part.files:
        files = np.empty(len(places), np.object_)
        files[:] = [part.files[place].encode() for place in places]
        yield FILE, files
    yield from outputs.items()
