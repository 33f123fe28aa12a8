"""Workers that die: the chunks under way are answered again, and a row that kills is found."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.batch.crew import Crew
from lading.batch.errors import BatchError, WorkersDie
from lading.batch.sources.source import Chunk
from lading.batch.work import ChunkRecord, WorkFolder
from lading.batch.worker import WorkerJob
from lading.functions.inference.batches.rows import JsonRows
from tests.support.batches import CODE, doubling, lines


def job(folder: Path, code: bytes) -> WorkerJob:
    digest = doubling(folder, code=code)
    (folder / "work/parts").mkdir(parents=True)
    return WorkerJob(folder, "double", 1, digest, None, folder / "work", ".jsonl")


def chunk(number: int, *values: int) -> Chunk:
    rows = JsonRows([f"[{value}]".encode() for value in values])
    return Chunk(number, number * len(values), rows, len(values))


@pytest.mark.slow
def test_a_row_that_kills_its_process_is_found_and_the_others_are_answered(tmp_path: Path) -> None:
    work = job(tmp_path, CODE)
    chunks = [chunk(0, 1, 2, 3, 4), chunk(1, 5, 66, 7, 13), chunk(2, 9, 10, 11, 12)]
    with Crew(work, 1) as crew:
        records = sorted(crew.answer(iter(chunks)), key=lambda record: record.number)
    assert [record.failed for record in records] == [0, 2, 0]
    folder = WorkFolder(tmp_path / "work")
    failed = lines(folder.errors(1))
    assert [(it["row"], it["error"]) for it in failed] == [(5, "WorkerDied"), (7, "InvalidInput")]
    assert [row["y"] for row in lines(folder.part(1))] == [[10], [14]]


def test_a_worker_that_somebody_kills_costs_no_row(tmp_path: Path) -> None:
    work = job(tmp_path, b"")

    def chunks(crew: Crew) -> Iterator[Chunk]:
        for number in range(6):
            if number == 4:
                assert crew._pool is not None
                os.kill(next(iter(crew._pool._processes)), signal.SIGKILL)
            yield chunk(number, 1, 2)

    with Crew(work, 2) as crew:
        crew.describe()
        found = sorted(record.number for record in crew.answer(chunks(crew)))
    assert found == [0, 1, 2, 3, 4, 5]
    assert all(not record.failed for record in WorkFolder(tmp_path / "work").finished().values())


def test_a_model_that_kills_every_process_is_an_error_that_says_so(tmp_path: Path) -> None:
    work = job(tmp_path, b"import os\nos._exit(9)\n")
    with Crew(work, 1) as crew, pytest.raises(WorkersDie, match="when it opens the model"):
        crew.describe()


def test_a_model_that_cannot_be_opened_is_an_error_that_says_why(tmp_path: Path) -> None:
    work = job(tmp_path, b"nonsense(")
    with Crew(work, 1) as crew, pytest.raises(BatchError, match=r"ModelUnavailable: .*own\.py"):
        crew.describe()


def test_a_chunk_that_was_half_written_is_written_anew(tmp_path: Path) -> None:
    work = job(tmp_path, b"")
    folder = WorkFolder(tmp_path / "work")
    folder.part(0).write_text("half")
    with Crew(work, 1) as crew:
        assert list(crew.answer(iter([chunk(0, 4)]))) == [ChunkRecord(0, 0, 1, 0, 1)]
    assert lines(folder.part(0)) == [{"row": 0, "y": [8]}]
