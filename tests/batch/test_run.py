"""A batch from file to file: complete, resumed after a kill, refused where it would mislead."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lading.batch.errors import BatchChanged, BatchRuns, InputUnusable, OutputUnusable, RowFailed
from lading.batch.progress import Progress
from lading.batch.publishing import work_folder
from lading.batch.run import Batch, run_batch
from lading.batch.sources.source import ChunkSize
from tests.support.batches import CODE, batch, doubling, errors, lines, manifest, write_lines
from tests.support.interpreter import ROOT

FOUR = ChunkSize(rows=4)


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("artifact")
    return folder, doubling(folder, code=CODE)


def ignore(_: Progress) -> None:
    """Show no progress."""


def prepared(folder: Path, artifact: tuple[Path, str], **more: object) -> Batch:
    """A batch of 23 rows of which row 13 has no answer."""
    if not (folder / "rows.jsonl").exists():
        write_lines(folder / "rows.jsonl", [[row, row + 0.5] for row in range(23)])
    wanted = batch(folder, "rows.jsonl", "out.jsonl", artifact[1], chunk=FOUR, **more)
    return replace(wanted, root=artifact[0])


def check_complete(folder: Path) -> None:
    answered = [row for row in range(23) if row != 13]
    assert lines(folder / "out.jsonl") == [
        {"row": row, "y": [2.0 * row, 2.0 * row + 1]} for row in answered
    ]
    (error,) = errors(folder / "out.jsonl")
    assert (error["row"], error["error"]) == (13, "InvalidInput")
    assert "13 brings bad luck" in error["reason"]
    found = manifest(folder / "out.jsonl")
    assert (found["rows"], found["answered"], found["failed"]) == (23, 22, 1)
    assert not work_folder(str(folder / "out.jsonl")).path.exists()


def test_each_row_has_an_answer_or_a_reason(tmp_path: Path, digest: tuple[Path, str]) -> None:
    told: list[Progress] = []
    summary = run_batch(prepared(tmp_path, digest, workers=2), told.append)
    check_complete(tmp_path)
    assert (summary.chunks, summary.resumed, summary.failed) == (6, 0, 1)
    assert (told[-1].rows, told[-1].failed, told[-1].share) == (23, 1, 1.0)
    with pytest.raises(OutputUnusable, match="exists"):
        run_batch(prepared(tmp_path, digest), ignore)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.batch.test_run import prepared
from lading.batch.run import run_batch
from itertools import count

folder, root, digest, point = sys.argv[1:]
seen = count(1)

def die(*_):
    if next(seen) == int(point[1:]):
        os.kill(os.getpid(), signal.SIGKILL)

def on_rename(event, args):
    if event == "os.rename" and str(args[0]).startswith(folder):
        die()

if __name__ == "__main__":
    if point[0] == "r":
        sys.addaudithook(on_rename)
    run_batch(prepared(Path(folder), (Path(root), digest)), die if point[0] == "c" else print)
"""
"""Runs a batch that is killed after its nth chunk ("c3"), or before its nth rename ("r2")."""


@pytest.mark.parametrize(
    "point",
    ["c1", "r2", "r4", *(pytest.param(it, marks=pytest.mark.slow) for it in ("c4", "r1", "r3"))],
)
def test_a_batch_that_was_killed_goes_on_and_no_row_is_missing_or_twice(
    tmp_path: Path, digest: tuple[Path, str], point: str
) -> None:
    """Renames of the batch's own process: the plan, the errors, the output, the manifest."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(digest[0]), digest[1], point],
        check=False,
        cwd=ROOT,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    work = work_folder(str(tmp_path / "out.jsonl"))
    before = {path: path.stat().st_ino for path in (work.path / "parts").glob("*.json")}
    assert len(before) >= {"c1": 1, "c4": 4, "r1": 0}.get(point, 6)
    kept = sum(record.rows for record in work.finished().values())
    summary = run_batch(prepared(tmp_path, digest), ignore)
    check_complete(tmp_path)
    assert summary.resumed == kept


def test_a_strict_batch_ends_at_a_row_that_fails_and_goes_on_without(
    tmp_path: Path, digest: tuple[Path, str]
) -> None:
    strict = prepared(tmp_path, digest, strict=True)
    with pytest.raises(RowFailed, match="row 13 has no answer: InvalidInput") as failed:
        run_batch(strict, ignore)
    assert failed.value.row == 13
    assert not (tmp_path / "out.jsonl").exists()
    os.utime(tmp_path / "rows.jsonl", (1, 1))
    with pytest.raises(BatchChanged, match="whose content of the input was"):
        run_batch(replace(strict, strict=False), ignore)
    summary = run_batch(replace(strict, strict=False, overwrite=True), ignore)
    check_complete(tmp_path)
    assert summary.resumed == 0


def test_two_batches_do_not_write_one_output(tmp_path: Path, digest: tuple[Path, str]) -> None:
    wanted = prepared(tmp_path, digest)
    with work_folder(wanted.output).held(), pytest.raises(BatchRuns, match="another batch"):
        run_batch(wanted, ignore)


def test_an_input_that_is_not_the_models_is_refused_before_any_row(
    tmp_path: Path, digest: tuple[Path, str]
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("text")
    wanted = replace(prepared(tmp_path, digest), source=str(tmp_path / "files"))
    with pytest.raises(InputUnusable, match="does not read files"):
        run_batch(wanted, ignore)
