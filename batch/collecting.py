"""Answers that the cloud has written, as the output of a batch.

Each part of the batch has left its answers and errors as lines. They become parts in the work
folder, in the format of the output, and are published as those of this machine are. A row that is
in neither has an error here, so that none is missing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lading.batch.outputs.part import AnsweredRows
from lading.batch.outputs.registry import FORMATS
from lading.batch.work import ChunkRecord, WorkFolder
from lading.functions.inference.batches.lines import FILE, ROW
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import from_json


class WrittenPart(NamedTuple):
    """What one part has left in S3.

    Args:
        number: its number in the order of the rows.
        answers: its answers, as lines.
        errors: its rows without an answer, as lines.
        after: the row that new ones begin with: two executions may have cut parts differently.
        prefix: of the keys of its files, which are rows; a file's name is what follows.
    """

    number: int
    answers: bytes
    errors: bytes
    after: int = 0
    prefix: str = ""


def collect(
    work: WorkFolder, suffix: str, metadata: ModelMetadata, part: WrittenPart
) -> ChunkRecord | None:
    """Keep the answers and errors of one part; None if there is nothing new in it.

    Args:
        work: the work folder.
        suffix: the suffix of the output's format.
        metadata: of the model.
        part: the part.
    """
    number = part.number
    answers, errors = _rows(part.answers, part), _rows(part.errors, part)
    if not answers and not errors:
        return None
    if answers:
        FORMATS[suffix].write(_answered(answers, metadata), work.part(number))
    if errors:
        work.errors(number).write_text("".join(f"{json.dumps(row)}\n" for row in errors))
    first = min(row[ROW] for row in (*answers, *errors))
    record = ChunkRecord(number, first, len(answers) + len(errors), len(errors), 0)
    work.finish(record)
    return record


def _rows(lines: bytes, part: WrittenPart) -> list[dict[str, Any]]:
    """Return the new rows of a part; files have the names of a batch on one machine."""
    rows = [row for row in map(json.loads, lines.splitlines()) if row[ROW] >= part.after]
    for row in rows:
        if FILE in row:
            row[FILE] = row[FILE].removeprefix(part.prefix)
    return rows


def lost_rows(seen: Sequence[ChunkRecord], total: int) -> Iterator[range]:
    """Yield the rows that no part has, in ranges; the parts are in the order of their rows."""
    after = 0
    for record in sorted(seen, key=lambda record: record.first):
        if record.first > after:
            yield range(after, record.first)
        after = max(after, record.first + record.rows)
    if after < total:
        yield range(after, total)


def note_lost(work: WorkFolder, rows: range, number: int, reason: str) -> ChunkRecord:
    """Give rows that no part has an error."""
    lines = (json.dumps({ROW: row, "error": "PartFailed", "reason": reason}) + "\n" for row in rows)
    with work.errors(number).open("w") as file:
        file.writelines(lines)
    record = ChunkRecord(number, rows.start, len(rows), len(rows), 0)
    work.finish(record)
    return record


def _answered(answers: Sequence[Mapping[str, Any]], metadata: ModelMetadata) -> AnsweredRows:
    outputs = {}
    for spec in metadata.outputs:
        values = [row[spec.name] for row in answers]
        arrays = [from_json(value, spec.name, spec.datatype) for value in values]
        same = len({array.shape for array in arrays}) == 1
        outputs[spec.name] = np.stack(arrays) if same else arrays
    rows = np.array([row[ROW] for row in answers], np.int64)
    return AnsweredRows(rows, [row[FILE] for row in answers if FILE in row], outputs)
