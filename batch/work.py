"""The work folder of a batch: what it is, and which of its chunks are finished.

    plan.json                   the input, the model and the options, written first
    input/                      a copy of an input in S3
    parts/000012.part           the answers of chunk 12, in the form of the output
    parts/000012.errors.jsonl   its rows without an answer
    parts/000012.json           what the chunk was: with this file, it is finished

A chunk's files are written under other names and renamed, the record last. So a kill at any moment
leaves chunks that are finished or not begun.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lading.batch.errors import BatchChanged, BatchRuns
from lading.model_packaging.store.durable import make_folder, replace_file

_PLAN, _LOCK = "plan.json", "lock"


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A finished chunk.

    Args:
        number: the chunk's number.
        first: the number of its first row.
        rows: how many rows it has.
        failed: how many of them have no answer.
        size: how much of the input it is; see `Chunk.size`.
    """

    number: int
    first: int
    rows: int
    failed: int
    size: int

    @property
    def answered(self) -> int:
        """How many rows have an answer."""
        return self.rows - self.failed


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The folder of a batch that runs, or was interrupted.

    Args:
        path: the folder.
    """

    path: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from this folder; it is created if it is missing.

        At the end it is removed, unless a batch began in it and has not ended.

        Raises:
            BatchRuns: another process holds it.
        """
        make_folder(self.path / "parts")
        with (self.path / _LOCK).open("ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BatchRuns(self.path) from error
            try:
                yield
            finally:
                if not self.begun():
                    shutil.rmtree(self.path, ignore_errors=True)

    def begun(self) -> bool:
        """Return whether a batch began here, and did not end."""
        return (self.path / _PLAN).exists()

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Write down what the batch is, or check that it is the one that was interrupted.

        Raises:
            BatchChanged: it is another one.
        """
        plan = self.path / _PLAN
        if not plan.exists():
            replace_file(plan, json.dumps(facts, indent=2).encode())
            return
        before = json.loads(plan.read_bytes())
        for what, now in facts.items():
            if before.get(what) != now:
                raise BatchChanged(self.path, what, before.get(what), now)

    def finished(self) -> dict[int, ChunkRecord]:
        """Return the finished chunks by number, ascending."""
        paths = sorted((self.path / "parts").glob("[0-9]*.json"))
        records = (ChunkRecord(**json.loads(path.read_bytes())) for path in paths)
        return {record.number: record for record in records}

    def part(self, number: int) -> Path:
        """Return the file of a chunk's answers."""
        return self.path / "parts" / f"{number:06}.part"

    def errors(self, number: int) -> Path:
        """Return the file of a chunk's errors; it exists if there are any."""
        return self.path / "parts" / f"{number:06}.errors.jsonl"

    def finish(self, record: ChunkRecord) -> None:
        """Note that a chunk is finished; its other files are there."""
        path = self.path / "parts" / f"{record.number:06}.json"
        replace_file(path, json.dumps(asdict(record)).encode())

    def clear(self) -> None:
        """Forget the batch; the lock stays, since others may wait for it."""
        for name in ("parts", "input"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        (self.path / _PLAN).unlink(missing_ok=True)
        make_folder(self.path / "parts")

    def end(self) -> None:
        """Note that the batch has ended."""
        (self.path / _PLAN).unlink()
